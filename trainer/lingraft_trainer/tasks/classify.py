"""Classification of texts and of pairs of texts (NLI, paraphrase)."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import AutoModelForSequenceClassification, PreTrainedModel
from transformers import PreTrainedTokenizerBase as Tokenizer

from lingraft_trainer.data.tasks import Example, TaskRow
from lingraft_trainer.metrics import accuracy, macro_f1
from lingraft_trainer.tasks.kinds import Scores, TaskBatch, batched, label_names, pad


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
        features = []
        for row in rows:
            assert isinstance(row, Example)
            encoded = tokenizer(row.text, row.text_pair, truncation=True, max_length=max_length)
            features.append({**encoded, "target": number.get(row.label or "", 0)})
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
        # Examples of one length together: less padding, the same logits.
        features = self.encode(rows, tokenizer, max_length, labels)
        order = sorted(range(len(features)), key=lambda i: len(features[i]["input_ids"]))
        predicted = [""] * len(features)
        for part in batched(order):
            batch = pad([features[i] for i in part], tokenizer, max_length).to(model.device)
            for i, best in zip(part, model(**batch.inputs).logits.argmax(-1).tolist(), strict=True):
                predicted[i] = labels[best]
        gold = [row.label or "" for row in rows if isinstance(row, Example)]
        correct = [float(g == p) for g, p in zip(gold, predicted, strict=True)]
        return Scores(
            per_example={"accuracy": correct},
            totals={"accuracy": accuracy(gold, predicted), "macroF1": macro_f1(gold, predicted)},
            predictions=[
                {"label": g, "prediction": p} for g, p in zip(gold, predicted, strict=True)
            ],
        )
