"""Classification of texts and of pairs of texts (NLI, paraphrase)."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import AutoModelForSequenceClassification, PreTrainedModel
from transformers import PreTrainedTokenizerBase as Tokenizer

from lingraft.formats import Example, TaskRow
from lingraft_trainer.evaluation.metrics import accuracy, macro_f1
from lingraft_trainer.tasks.kinds import (
    Scores,
    TaskBatch,
    batched,
    checked,
    constant_of,
    label_names,
    pad,
    rows_at_once,
    unknown_rate,
)


class Classification:
    """Fine-tunes `AutoModelForSequenceClassification`."""

    auto_class = AutoModelForSequenceClassification
    selects_by = "accuracy"

    def config(self, labels: tuple[str, ...]) -> dict[str, Any]:
        """Label names and their numbers."""
        return {
            "num_labels": len(labels),
            "id2label": dict(enumerate(labels)),
            "label2id": {label: i for i, label in enumerate(labels)},
        }

    def encode(
        self,
        rows: Sequence[TaskRow],
        tokenizer: Tokenizer,
        max_length: int,
        labels: tuple[str, ...],
    ) -> list[dict[str, Any]]:
        """One feature an example; the target is the label's number."""
        number = {label: i for i, label in enumerate(labels)}
        examples = [row for row in rows if isinstance(row, Example)]
        features: list[dict[str, Any]] = [
            {"target": number.get(row.label or "", 0)} for row in examples
        ]
        # Many at once, for a call of the tokenizer costs more than a text; pairs are a call apart.
        for paired in (False, True):
            chosen = [i for i, row in enumerate(examples) if (row.text_pair is not None) == paired]
            if not chosen:
                continue
            texts = [examples[i].text for i in chosen]
            seconds = [examples[i].text_pair or "" for i in chosen] if paired else None
            encoded = tokenizer(texts, seconds, truncation=True, max_length=max_length)
            for at, i in enumerate(chosen):
                features[i] |= {name: encoded[name][at] for name in encoded}
        return features

    def loss(self, model: PreTrainedModel, batch: TaskBatch) -> Tensor:
        """Cross-entropy."""
        return cross_entropy(model(**batch.inputs).logits, batch.targets, reduction="sum")

    @torch.no_grad()
    def evaluate(
        self,
        model: PreTrainedModel,
        tokenizer: Tokenizer,
        rows: Sequence[TaskRow],
        max_length: int,
        language: str,
    ) -> Scores:
        """Accuracy and macro-F1."""
        model.eval()
        labels = label_names(model)
        features = self.encode(rows, tokenizer, max_length, labels)
        predicted = [""] * len(features)
        lengths = [len(feature["input_ids"]) for feature in features]
        for part in batched(lengths, rows_at_once(model.device, max_length)):
            batch = pad([features[i] for i in part], tokenizer, max_length).to(model.device)
            best = checked(model(**batch.inputs).logits, "the classifier").argmax(-1).tolist()
            for i, number in zip(part, best, strict=True):
                predicted[i] = labels[number]
        gold = [row.label or "" for row in rows if isinstance(row, Example)]
        correct = [float(g == p) for g, p in zip(gold, predicted, strict=True)]
        return Scores(
            per_example={"accuracy": correct},
            totals=classification_totals(gold, predicted),
            predictions=[
                {"label": g, "prediction": p} for g, p in zip(gold, predicted, strict=True)
            ],
            unknown_rate=unknown_rate(features, tokenizer),
            constant=constant_of(predicted, gold),
        )


def classification_totals(gold: Sequence[str], predicted: Sequence[str]) -> dict[str, float]:
    """Accuracy and macro-F1."""
    return {"accuracy": accuracy(gold, predicted), "macroF1": macro_f1(gold, predicted)}
