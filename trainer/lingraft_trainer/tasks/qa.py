"""Extractive question answering: SQuAD's and MLQA's task, in overlapping windows."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import AutoModelForQuestionAnswering, PreTrainedModel
from transformers import PreTrainedTokenizerBase as Tokenizer

from lingraft.formats import Question, TaskRow
from lingraft_trainer.evaluation.qa_metrics import SQUAD, qa_scores
from lingraft_trainer.tasks.kinds import (
    Scores,
    TaskBatch,
    batched,
    checked,
    constant_of,
    pad,
    rows_at_once,
    unknown_rate,
)

BEST, MAX_ANSWER_TOKENS = 20, 30
"""Candidates of start and end that are combined, and the longest answer: SQuAD's usual ones."""
DOC_STRIDE = 128
"""Tokens that a window shares with the next, at most; a third of a window if that is less."""

Span = tuple[int, int]
"""Characters of the context."""


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
            answer = row.answers[0]
            assert answer.start is not None, "the reader leaves such rows out of training data"
            wanted = answer.start, answer.start + len(answer.text)
            windows = list(self._windows(row, tokenizer, max_length))
            for number, (window, offsets) in enumerate(windows):
                covered = _covered(offsets, len(row.context), number, len(windows))
                features.append({**window, "target": _token_span(offsets, covered, wanted)})
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
        contexts: list[tuple[int, list[Span | None]]] = []
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
            both_logits = out.start_logits.float(), out.end_logits.float()
            ends = zip(*(checked(one, "the reader") for one in both_logits), strict=True)
            for at, both in zip(part, ends, strict=True):
                logits[at] = both
        for (i, context), (start, end) in zip(contexts, logits, strict=True):
            found = _best_span(start, end, context, questions[i].context)
            if found is not None and (i not in best or found[0] > best[i][0]):
                best[i] = found
        answers = [best[i][1] if i in best else None for i in range(len(questions))]
        # English SQuAD has a script of its own; MLQA's serves every language.
        own = self.format == "squad" and language.lower().split("-")[0] == "en"
        scores = qa_scores(questions, answers, SQUAD if own else language)
        per_example = {"exactMatch": scores.exact_match, "f1": scores.f1}
        return Scores(
            per_example=per_example,
            totals={name: sum(values) / len(values) for name, values in per_example.items()},
            predictions=[
                {"id": question.id, "prediction": answer or "", "f1": f1}
                for question, answer, f1 in zip(questions, answers, scores.f1, strict=True)
            ],
            unknown_rate=unknown_rate(windows, tokenizer),
            constant=constant_of(
                [answer or "" for answer in answers], {q.answer_texts for q in questions}
            ),
        )

    def _windows(
        self, row: Question, tokenizer: Tokenizer, max_length: int
    ) -> Iterator[tuple[dict[str, Any], list[Span | None]]]:
        """Model inputs of each window, and each token's place in the context (None outside)."""
        question, length = shortened(row.question.lstrip(), tokenizer, max_length // 2)
        room = max_length - length - tokenizer.num_special_tokens_to_add(pair=True)
        encoded = tokenizer(
            question,
            row.context,
            truncation="only_second",
            max_length=max_length,
            stride=max(0, min(DOC_STRIDE, max_length // 3, room - 1)),
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        for i in range(len(encoded["input_ids"])):
            sides = encoded.sequence_ids(i)
            offsets = [
                offset if side == 1 else None
                for side, offset in zip(sides, encoded["offset_mapping"][i], strict=True)
            ]
            names = [name for name in tokenizer.model_input_names if name in encoded]
            yield {name: encoded[name][i] for name in names}, offsets


def shortened(question: str, tokenizer: Tokenizer, limit: int) -> tuple[str, int]:
    """A question of at most `limit` tokens, and how many it has.

    A very long one would leave no room for the context: SQuAD's script cuts it too.
    """
    keep = limit
    while True:
        asked = tokenizer(question, add_special_tokens=False, return_offsets_mapping=True)
        offsets = asked["offset_mapping"]
        if len(offsets) <= limit:
            return question, len(offsets)
        # What is left may be cut into other, more tokens: then once more, and shorter.
        end = max((end for _, end in offsets[:keep]), default=0)
        question, keep = question[:end], keep - 1


def _covered(offsets: Sequence[Span | None], length: int, number: int, windows: int) -> Span:
    """What a window holds of its context, characters that no token stands for included."""
    spans = [offset for offset in offsets if offset is not None]
    first = 0 if number == 0 or not spans else spans[0][0]
    return first, length if number == windows - 1 or not spans else spans[-1][1]


def _token_span(offsets: Sequence[Span | None], covered: Span, wanted: Span) -> tuple[int, int]:
    """First and last token of an answer; (0, 0) where the window does not hold all of it."""
    start, end = wanted
    inside = [i for i, o in enumerate(offsets) if o is not None and o[0] < end and o[1] > start]
    whole = covered[0] <= start and covered[1] >= end
    return (inside[0], inside[-1]) if inside and whole else (0, 0)


def _best_span(
    start: Tensor, end: Tensor, offsets: Sequence[Span | None], context: str
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
                found = score, context[first[0] : last[1]].strip()
    return found
