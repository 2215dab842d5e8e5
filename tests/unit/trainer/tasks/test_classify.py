"""Classification: batches are padded without effect, scores are those of a plain loop."""

from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import AutoModelForSequenceClassification

from lingraft.formats.examples import Example
from lingraft_trainer.tasks.classify import Classification
from lingraft_trainer.tasks.kinds import EVALUATION_BATCH, TaskObjective, pad
from tests.support.tiny import MODEL_TYPES, SOURCE_WORDS, tiny_model, tiny_tokenizer

KIND = Classification()
LABELS = ("bird", "cat", "dog")


def model_of(model_type: str, vocabulary: int) -> Any:
    config = tiny_model(model_type, layers=2, vocabulary=vocabulary).config
    for name, value in KIND.config(LABELS).items():
        setattr(config, name, value)
    config.initializer_range = 0.5  # so that it gives different answers
    torch.manual_seed(2)
    return AutoModelForSequenceClassification.from_config(config).eval()


def examples(count: int) -> list[Example]:
    """Texts and pairs of different lengths, their labels in turn."""
    return [
        Example(
            " ".join(SOURCE_WORDS[i % 7 : i % 7 + 1 + i % 9]),
            "the sea" if i % 2 else None,
            LABELS[i % 3],
        )
        for i in range(count)
    ]


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_scores_are_those_of_a_plain_loop(model_type: str) -> None:
    tokenizer = tiny_tokenizer(model_type, SOURCE_WORDS)
    model, rows = model_of(model_type, len(tokenizer)), examples(EVALUATION_BATCH + 21)
    model.train()  # as it is between epochs
    scores = KIND.evaluate(model, tokenizer, rows, 32, "en")
    model.eval()
    predicted = []
    for row in rows:
        one = tokenizer(row.text, row.text_pair, return_tensors="pt")
        with torch.no_grad():
            predicted.append(LABELS[int(model(**one).logits.argmax())])
    assert [p["prediction"] for p in scores.predictions] == predicted
    assert [p["label"] for p in scores.predictions] == [row.label for row in rows]
    right = [float(row.label == p) for row, p in zip(rows, predicted, strict=True)]
    assert scores.per_example["accuracy"] == right
    assert scores.totals["accuracy"] == pytest.approx(sum(right) / len(rows))
    assert len(set(predicted)) > 1, "one answer for everything would show little"


def test_the_loss_of_a_padded_batch_is_the_sum_of_its_examples() -> None:
    tokenizer = tiny_tokenizer("bert", SOURCE_WORDS)
    model, rows = model_of("bert", len(tokenizer)), examples(9)
    features = KIND.encode(rows, tokenizer, 32, LABELS)
    assert len({len(f["input_ids"]) for f in features}) > 3
    together = KIND.loss(model, pad(features, tokenizer, 32))
    alone = sum(KIND.loss(model, pad([feature], tokenizer, 32)) for feature in features)
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)
    one = tokenizer(rows[1].text, rows[1].text_pair, return_tensors="pt")
    by_hand = cross_entropy(model(**one).logits, torch.tensor([1]), reduction="sum")
    torch.testing.assert_close(KIND.loss(model, pad([features[1]], tokenizer, 32)), by_hand)


@pytest.mark.parametrize("model_type", ["bert", "roberta"])
@pytest.mark.parametrize("max_length", [16, 13])
def test_in_bf16_lengths_are_few_which_changes_no_loss(
    model_type: str, max_length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = tiny_tokenizer(model_type, SOURCE_WORDS)
    model = model_of(model_type, len(tokenizer))
    objective = TaskObjective(model, KIND, max_length)
    lengths: set[int] = set()
    model.register_forward_pre_hook(
        lambda _, __, inputs: lengths.add(inputs["input_ids"].shape[1]), with_kwargs=True
    )
    for feature in KIND.encode(examples(9), tokenizer, max_length, LABELS):
        one = pad([feature], tokenizer, max_length)
        exact = float(KIND.loss(model, one).detach())
        lengths.clear()
        with monkeypatch.context() as bf16:  # in fp32 all the same, so that losses can be compared
            bf16.setattr(torch, "is_autocast_enabled", lambda _kind: True)
            found = float(objective(one).detach())
        assert found == pytest.approx(exact, rel=1e-4)
        assert lengths == {min(max_length, -(-len(feature["input_ids"]) // 8) * 8)}


def test_long_texts_are_cut_to_the_limit() -> None:
    tokenizer = tiny_tokenizer("roberta", SOURCE_WORDS)
    row = Example(" ".join(SOURCE_WORDS * 5), "cat", "dog")
    [feature] = KIND.encode([row], tokenizer, 16, LABELS)
    assert len(feature["input_ids"]) == 16 and feature["target"] == 2
