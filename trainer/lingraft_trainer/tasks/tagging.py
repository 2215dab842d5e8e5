"""A tag for every word: named entities and parts of speech.

A word's first token carries its tag, and gives it; the word's other tokens count for nothing.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import AutoModelForTokenClassification, PreTrainedModel
from transformers import PreTrainedTokenizerBase as Tokenizer

from lingraft.formats import Tagged, TaskRow
from lingraft_trainer.evaluation.entity_metrics import entity_counts, entity_quotients
from lingraft_trainer.evaluation.metrics import macro_f1
from lingraft_trainer.tasks.classify import Classification
from lingraft_trainer.tasks.features import IGNORED
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
from lingraft_trainer.tasks.words import Window, cut_words, frame_of, windows

Tags = Sequence[Sequence[str]]
"""Of each sentence's words."""
Feature = dict[str, Any]


class Tagging:
    """Fine-tunes `AutoModelForTokenClassification`.

    Args:
        kind: `ner` is scored by whole entities, `pos` by words.
    """

    auto_class = AutoModelForTokenClassification

    def __init__(self, kind: Literal["ner", "pos"]) -> None:
        self.kind: Literal["ner", "pos"] = kind
        self.selects_by = "f1" if kind == "ner" else "accuracy"

    def config(self, labels: tuple[str, ...]) -> dict[str, Any]:
        """Tags and their numbers."""
        return Classification().config(labels)

    def encode(
        self,
        rows: Sequence[TaskRow],
        tokenizer: Tokenizer,
        max_length: int,
        labels: tuple[str, ...],
    ) -> list[Feature]:
        """One feature a window: `target` has the tag's number at each word's first token.

        `count` is how many words it has of its own: the loss is a mean over words.
        """
        number = {label: i for i, label in enumerate(labels)}
        sentences = [row for row in rows if isinstance(row, Tagged)]
        features: list[Feature] = []
        for i, window, feature, places in _features(sentences, tokenizer, max_length):
            target = [IGNORED] * len(feature["input_ids"])
            for place, tag in zip(places, sentences[i].tags[slice(*window.own)], strict=True):
                target[place] = number[tag]
            features.append({**feature, "target": target, "count": len(places)})
        return features

    def loss(self, model: PreTrainedModel, batch: TaskBatch) -> Tensor:
        """Cross-entropy of the words."""
        # Inputs may have been padded further than the targets.
        logits = model(**batch.inputs).logits[:, : batch.targets.shape[1]]
        return cross_entropy(
            logits.flatten(0, 1), batch.targets.flatten(), ignore_index=IGNORED, reduction="sum"
        )

    @torch.no_grad()
    def evaluate(
        self,
        model: PreTrainedModel,
        tokenizer: Tokenizer,
        rows: Sequence[TaskRow],
        max_length: int,
        language: str,
    ) -> Scores:
        """Entity F1, precision and recall; or accuracy and macro-F1 over words."""
        model.eval()
        labels = label_names(model)
        sentences = [row for row in rows if isinstance(row, Tagged)]
        found = list(_features(sentences, tokenizer, max_length))
        predicted = [[""] * len(sentence.tokens) for sentence in sentences]
        lengths = [len(feature["input_ids"]) for _, _, feature, _ in found]
        for part in batched(lengths, rows_at_once(model.device, max_length)):
            features = [{**found[at][2], "target": 0} for at in part]
            batch = pad(features, tokenizer, max_length).to(model.device)
            best = checked(model(**batch.inputs).logits, "the tagger").argmax(-1).tolist()
            for at, numbers in zip(part, best, strict=True):
                i, window, _, places = found[at]
                predicted[i][slice(*window.own)] = [labels[numbers[place]] for place in places]
        gold = [sentence.tags for sentence in sentences]
        return Scores(
            per_example={},
            quotients=tagging_quotients(self.kind, gold, predicted),
            totals=tagging_totals(self.kind, gold, predicted),
            predictions=[
                {"tokens": sentence.tokens, "tags": sentence.tags, "prediction": tags}
                for sentence, tags in zip(sentences, predicted, strict=True)
            ],
            unknown_rate=unknown_rate([feature for _, _, feature, _ in found], tokenizer),
            constant=constant_of(_flat(predicted), _flat(gold)),
        )


def _features(
    sentences: Sequence[Tagged], tokenizer: Tokenizer, max_length: int
) -> Iterator[tuple[int, Window, Feature, list[int]]]:
    """Windows of all sentences.

    Yields:
        The sentence's number, the window, the model's inputs, and the place of the first token of
        each of the window's own words.
    """
    frame = frame_of(tokenizer)
    room = frame.room(max_length)
    ids = cut_words((word for one in sentences for word in one.tokens), tokenizer)
    segments = "token_type_ids" in tokenizer.model_input_names
    for i, sentence in enumerate(sentences):
        words = [ids[word][:room] for word in sentence.tokens]
        for window in windows([len(word) for word in words], room):
            tokens, places = list(frame.first), list[int]()
            for number in range(window.start, window.end):
                if window.own[0] <= number < window.own[1]:
                    places.append(len(tokens))
                tokens += words[number]
            tokens += frame.last
            feature: Feature = {"input_ids": tokens, "attention_mask": [1] * len(tokens)}
            if segments:
                feature["token_type_ids"] = [0] * len(tokens)
            yield i, window, feature, places


def tagging_quotients(
    kind: Literal["ner", "pos"], gold: Tags, predicted: Tags
) -> dict[str, tuple[list[int], list[int]]]:
    """Scores that are a quotient of sums over sentences: what each adds above and below."""
    both = list(zip(gold, predicted, strict=True))
    if kind == "ner":
        return entity_quotients([entity_counts(g, p) for g, p in both])
    right = [sum(a == b for a, b in zip(g, p, strict=True)) for g, p in both]
    return {"accuracy": (right, [len(g) for g in gold])}


def tagging_totals(kind: Literal["ner", "pos"], gold: Tags, predicted: Tags) -> dict[str, float]:
    """All scores; nought where nothing was found, or is there to be found."""
    quotients = tagging_quotients(kind, gold, predicted)
    totals = {name: sum(top) / max(1, sum(below)) for name, (top, below) in quotients.items()}
    if kind == "pos":
        totals["macroF1"] = macro_f1(_flat(gold), _flat(predicted))
    return totals


def _flat(tags: Tags) -> list[str]:
    return [tag for sentence in tags for tag in sentence]
