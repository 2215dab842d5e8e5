"""Extractive question answering: SQuAD's and MLQA's task, in overlapping windows."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import AutoModelForQuestionAnswering, PreTrainedModel
from transformers import PreTrainedTokenizerBase as Tokenizer

from lingraft.formats import Question, TaskRow
from lingraft_trainer.qa_metrics import SQUAD, qa_scores
from lingraft_trainer.tasks.kinds import Scores, TaskBatch, batched, pad, rows_at_once

BEST, MAX_ANSWER_TOKENS = 20, 30
"""Candidates of start and end that are combined, and the longest answer: SQuAD's usual ones."""


class QuestionAnswering:
    """Fine-tunes `AutoModelForQuestionAnswering`; a window without the answer points at token 0."""

    auto_class = AutoModelForQuestionAnswering
    selects_by = "f1"

    def __init__(self, format: str = "qa") -> None:
        self.format = format

    def config(self, labels: tuple[str, ...]) -> dict[str, Any]:
        """Nothing: start and end are all its labels."""
        return {}

    def encode(
        self,
        rows: Sequence[TaskRow],
        tokenizer: Tokenizer,
        max_length: int,
        labels: tuple[str, ...],
    ) -> list[dict[str, Any]]:
        """One feature a window; the target is (start, end) of the first answer, in tokens."""
        features: list[dict[str, Any]] = []
        for row in rows:
            assert isinstance(row, Question)
            for window, context in self._windows(row, tokenizer, max_length):
                answer = row.answers[0]
                span = _token_span(context, answer.start, answer.start + len(answer.text))
                features.append({**window, "target": span})
        return features

    def loss(self, model: PreTrainedModel, batch: TaskBatch) -> Tensor:
        """Mean of the start's and the end's cross-entropy over the window's own tokens.

        Padding is none of them: a loss must not depend on what a window is padded with.
        """
        out = model(**batch.inputs)
        padding = batch.inputs["attention_mask"] == 0
        start, end = batch.targets.unbind(-1)
        starts = out.start_logits.masked_fill(padding, -torch.inf)
        ends = out.end_logits.masked_fill(padding, -torch.inf)
        return (
            cross_entropy(starts, start, reduction="sum")
            + cross_entropy(ends, end, reduction="sum")
        ) / 2

    @torch.no_grad()
    def evaluate(
        self,
        model: PreTrainedModel,
        tokenizer: Tokenizer,
        rows: Sequence[TaskRow],
        max_length: int,
        language: str,
    ) -> Scores:
        """Exact match and F1, normalised as MLQA's script does for the language."""
        model.eval()
        questions = [row for row in rows if isinstance(row, Question)]
        windows: list[dict[str, Any]] = []
        contexts: list[tuple[int, list[tuple[int, int] | None]]] = []
        for i, question in enumerate(questions):
            for window, context in self._windows(question, tokenizer, max_length):
                windows.append({**window, "target": (0, 0)})
                contexts.append((i, context))
        best: dict[int, tuple[float, str]] = {}
        logits: list[tuple[Tensor, Tensor]] = [(torch.empty(0), torch.empty(0))] * len(windows)
        lengths = [len(window["input_ids"]) for window in windows]
        for part in batched(lengths, rows_at_once(model.device, max_length)):
            batch = pad([windows[i] for i in part], tokenizer, max_length).to(model.device)
            out = model(**batch.inputs)
            ends = zip(out.start_logits.float(), out.end_logits.float(), strict=True)
            for at, both in zip(part, ends, strict=True):
                logits[at] = both
        for (i, context), (start, end) in zip(contexts, logits, strict=True):
            found = _best_span(start, end, context, questions[i].context)
            if found is not None and (i not in best or found[0] > best[i][0]):
                best[i] = found
        answers = {q.id: best[i][1] if i in best else "" for i, q in enumerate(questions)}
        # English SQuAD has a script of its own; MLQA's serves every language.
        own = self.format == "squad" and language.lower().split("-")[0] == "en"
        scores = qa_scores(questions, answers, SQUAD if own else language)
        per_example = {"exactMatch": scores.exact_match, "f1": scores.f1}
        return Scores(
            per_example=per_example,
            totals={name: sum(values) / len(values) for name, values in per_example.items()},
            predictions=[
                {"id": question.id, "prediction": answers[question.id], "f1": f1}
                for question, f1 in zip(questions, scores.f1, strict=True)
            ],
        )

    def _windows(
        self, row: Question, tokenizer: Tokenizer, max_length: int
    ) -> Iterator[tuple[dict[str, Any], list[tuple[int, int] | None]]]:
        """Model inputs of each window, and each token's place in the context (None outside)."""
        # A very long question would leave no room for the context: SQuAD's script cuts it too.
        limit = max_length // 2
        asked = tokenizer(
            row.question.strip(), add_special_tokens=False, return_offsets_mapping=True
        )
        ends = [end for _, end in asked["offset_mapping"][:limit]]
        question = row.question.strip()[: ends[-1]] if ends else ""
        room = limit - tokenizer.num_special_tokens_to_add(pair=True) - 1
        encoded = tokenizer(
            question,
            row.context,
            truncation="only_second",
            max_length=max_length,
            stride=max(0, min(max_length // 4, room)),
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        for i in range(len(encoded["input_ids"])):
            sides = encoded.sequence_ids(i)
            offsets = [
                _stripped(offset, row.context) if side == 1 else None
                for side, offset in zip(sides, encoded["offset_mapping"][i], strict=True)
            ]
            names = [name for name in tokenizer.model_input_names if name in encoded]
            yield {name: encoded[name][i] for name in names}, offsets


def _stripped(offset: tuple[int, int], context: str) -> tuple[int, int] | None:
    """A token's span without the space that `\u2581word` includes; None if nothing is left."""
    start, end = offset
    while start < end and context[start].isspace():
        start += 1
    while end > start and context[end - 1].isspace():
        end -= 1
    return (start, end) if end > start else None


def _token_span(offsets: Sequence[tuple[int, int] | None], start: int, end: int) -> tuple[int, int]:
    """First and last token of an answer; (0, 0) where the window does not hold all of it."""
    inside = [i for i, o in enumerate(offsets) if o is not None and o[1] > start and o[0] < end]
    if not inside:
        return 0, 0
    first, last = offsets[inside[0]], offsets[inside[-1]]
    assert first is not None and last is not None
    whole = first[0] <= start and last[1] >= end
    return (inside[0], inside[-1]) if whole else (0, 0)


def _best_span(
    start: Tensor, end: Tensor, offsets: Sequence[tuple[int, int] | None], context: str
) -> tuple[float, str] | None:
    """The likeliest answer of a window and its score."""
    found: tuple[float, str] | None = None
    length = len(offsets)
    for s in start[:length].topk(min(BEST, length)).indices.tolist():
        for e in end[:length].topk(min(BEST, length)).indices.tolist():
            first, last = offsets[s], offsets[e]
            if first is None or last is None or e < s or e - s >= MAX_ANSWER_TOKENS:
                continue
            score = float(start[s] + end[e])
            if found is None or score > found[0]:
                found = score, context[first[0] : last[1]]
    return found
