"""Multiple choice: a row for each choice, of which the likeliest is the answer."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoModelForMultipleChoice, PreTrainedModel
from transformers import PreTrainedTokenizerBase as Tokenizer

from lingraft.formats import Choice, TaskRow
from lingraft_trainer.evaluation.metrics import accuracy
from lingraft_trainer.tasks.kinds import (
    Scores,
    TaskBatch,
    batched_features,
    checked,
    constant_of,
    pad,
    rows_at_once,
    unknown_rate,
)
from lingraft_trainer.tasks.qa import shortened


class MultipleChoice:
    """Fine-tunes `AutoModelForMultipleChoice`.

    A batch holds the rows of its examples one below the other, for examples may have more choices
    or fewer: no row is padding.
    """

    auto_class = AutoModelForMultipleChoice
    selects_by = "accuracy"

    def config(self, labels: tuple[str, ...]) -> dict[str, Any]:
        """Nothing: a choice has one score."""
        return {}

    def encode(
        self,
        rows: Sequence[TaskRow],
        tokenizer: Tokenizer,
        max_length: int,
        labels: tuple[str, ...],
    ) -> list[dict[str, Any]]:
        """One feature an example, of one row a choice; the target is (the right one, how many)."""
        examples = [row for row in rows if isinstance(row, Choice)]
        encoded = iter(_encoded(examples, tokenizer, max_length))
        return [
            {"rows": [next(encoded) for _ in row.choices], "target": (row.right, len(row.choices))}
            for row in examples
        ]

    def loss(self, model: PreTrainedModel, batch: TaskBatch) -> Tensor:
        """Cross-entropy over each example's own choices."""
        right, counts = batch.targets.unbind(-1)
        own = list(_scores(model, batch).split(counts.tolist()))
        scores_BC = pad_sequence(own, batch_first=True, padding_value=-torch.inf)
        return cross_entropy(scores_BC, right, reduction="sum")

    @torch.no_grad()
    def evaluate(
        self,
        model: PreTrainedModel,
        tokenizer: Tokenizer,
        rows: Sequence[TaskRow],
        max_length: int,
        language: str,
    ) -> Scores:
        """Accuracy. Of choices that score alike the first is taken."""
        model.eval()
        features = self.encode(rows, tokenizer, max_length, ())
        predicted = [""] * len(features)
        for part in batched_features(features, rows_at_once(model.device, max_length)):
            batch = pad([features[i] for i in part], tokenizer, max_length).to(model.device)
            scores = checked(_scores(model, batch), "the model of choices")
            for i, own in zip(part, scores.split(batch.targets[:, 1].tolist()), strict=True):
                predicted[i] = str(int(own.argmax()))
        gold = [row.label for row in rows if isinstance(row, Choice)]
        return Scores(
            per_example={"accuracy": [float(g == p) for g, p in zip(gold, predicted, strict=True)]},
            totals={"accuracy": accuracy(gold, predicted)},
            predictions=[
                {"label": g, "prediction": p} for g, p in zip(gold, predicted, strict=True)
            ],
            unknown_rate=unknown_rate(features, tokenizer),
            constant=constant_of(predicted, gold),
        )


def _scores(model: PreTrainedModel, batch: TaskBatch) -> Tensor:
    """Each row's score, [R].

    transformers wants [B, C, S]: all rows are the choices of one.
    """
    one = {name: tensor.unsqueeze(0) for name, tensor in batch.inputs.items()}
    return model(**one).logits.float().squeeze(0)


def _encoded(
    examples: Sequence[Choice], tokenizer: Tokenizer, max_length: int
) -> list[dict[str, Any]]:
    """Model inputs of each choice: the context, then question and choice; or the other way.

    Without a context the question stands for it.
    """
    room = max_length - tokenizer.num_special_tokens_to_add(pair=True)
    texts = [(row, choice) for row in examples for choice in row.choices]
    firsts = [row.context or row.question for row, _ in texts]
    seconds = [
        f"{row.question} {choice}" if row.context and row.question else choice
        for row, choice in texts
    ]
    alone: Any = tokenizer(seconds, add_special_tokens=False)["input_ids"]
    for i, ids in enumerate(alone):
        if len(ids) >= room:  # no token of the context has room
            row, choice = texts[i]
            firsts[i], seconds[i] = "", _fitted(row.question, choice, tokenizer, room)
    found: list[dict[str, Any]] = [{} for _ in texts]
    # Many at once, for a call of the tokenizer costs more than a text.
    for leads in (False, True):
        chosen = [i for i, (row, _) in enumerate(texts) if row.leads == leads]
        if not chosen:
            continue
        about, said = ([side[i] for i in chosen] for side in (firsts, seconds))
        encoded = tokenizer(
            said if leads else about,
            about if leads else said,
            truncation="only_second" if leads else "only_first",
            max_length=max_length,
        )
        for at, i in enumerate(chosen):
            found[i] = {name: encoded[name][at] for name in encoded}
    return found


def _fitted(question: str, choice: str, tokenizer: Tokenizer, room: int) -> str:
    """Question and choice in so many tokens: the question's end is cut first."""
    limit = room
    while True:
        said, length = shortened(choice, tokenizer, limit)
        asked, _ = shortened(question, tokenizer, limit - length)
        text = f"{asked} {said}".strip()
        if len(tokenizer(text, add_special_tokens=False)["input_ids"]) <= room:
            return text
        limit -= 1  # together they may be cut into other, more tokens
