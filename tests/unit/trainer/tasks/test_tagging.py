"""Tagging: loss and gradients are transformers', predictions those of a plain loop over words."""

from typing import Any

import pytest
import torch
import transformers
from transformers import AutoModelForTokenClassification

from lingraft.formats import Tagged
from lingraft.params import FinetuneParams
from lingraft_trainer.stages.finetune import TaskData
from lingraft_trainer.tasks.features import IGNORED
from lingraft_trainer.tasks.kinds import EVALUATION_BATCH, TaskObjective, pad
from lingraft_trainer.tasks.tagging import Tagging
from tests.support.bases import BASES, SWAHILI
from tests.support.tiny import MASKED_TYPES, SOURCE_WORDS, tiny_model, tiny_tokenizer

NER, POS = Tagging("ner"), Tagging("pos")
TAGS = ("B-LOC", "B-PER", "I-PER", "O")


def model_of(model_type: str, vocabulary: int, tags: tuple[str, ...] = TAGS) -> Any:
    config = tiny_model(model_type, layers=2, vocabulary=vocabulary).config
    for name, value in NER.config(tags).items():
        setattr(config, name, value)
    config.initializer_range = 0.5  # so that it gives different answers
    torch.manual_seed(2)
    return AutoModelForTokenClassification.from_config(config).eval()


def sentences(count: int, longest: int = 9) -> list[Tagged]:
    """Sentences of different lengths, their tags in turn."""
    found: list[Tagged] = []
    for i in range(count):
        words = [SOURCE_WORDS[(i + j) % len(SOURCE_WORDS)] for j in range(1 + i % longest)]
        found.append(Tagged(tuple(words), tuple(TAGS[(i * j) % 4] for j in range(len(words)))))
    return found


def test_every_masked_family_has_a_class_for_it() -> None:
    for model_type in MASKED_TYPES:  # that lacks one needs a refusal, as `Family.answers` is one
        model_of(model_type, 40)


@pytest.mark.parametrize("model_type", MASKED_TYPES)
def test_predictions_are_those_of_a_plain_loop(model_type: str) -> None:
    tokenizer = tiny_tokenizer(model_type, SOURCE_WORDS)
    model, rows = model_of(model_type, len(tokenizer)), sentences(EVALUATION_BATCH + 13)
    model.train()  # as it is between epochs
    scores = NER.evaluate(model, tokenizer, rows, 32, "en")
    model.eval()
    given = set[str]()
    for row, found in zip(rows, scores.predictions, strict=True):
        one = tokenizer(" ".join(row.tokens), return_tensors="pt")  # a word is a token here
        with torch.no_grad():
            best = model(**one).logits[0, 1:-1].argmax(-1).tolist()
        assert found["prediction"] == [TAGS[number] for number in best]
        assert (found["tokens"], found["tags"]) == (row.tokens, row.tags)
        given.update(found["prediction"])
    assert len(given) > 1, "one answer for everything would show little"
    assert set(scores.totals) == {"f1", "precision", "recall"} == set(scores.quotients)


@pytest.mark.parametrize("model_type", MASKED_TYPES)
def test_loss_and_gradients_are_transformers_own(model_type: str) -> None:
    """The mean over a batch's labelled words, as `labels=` gives it."""
    tokenizer = tiny_tokenizer(model_type, SOURCE_WORDS)
    features = NER.encode(sentences(7), tokenizer, 32, TAGS)
    batch, words = pad(features, tokenizer, 32), sum(one["count"] for one in features)
    ours, theirs = model_of(model_type, len(tokenizer)), model_of(model_type, len(tokenizer))
    loss = NER.loss(ours, batch) / words
    loss.backward()
    wanted = theirs(**batch.inputs, labels=batch.targets).loss
    wanted.backward()
    torch.testing.assert_close(loss, wanted)
    for (name, one), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        if other.grad is not None:
            assert one.grad is not None, name
            torch.testing.assert_close(one.grad, other.grad, atol=1e-5, rtol=1e-4, msg=name)


@pytest.mark.parametrize("world", [1, 3])
def test_how_an_update_is_cut_changes_no_gradient(world: int) -> None:
    tokenizer = tiny_tokenizer("roberta", SOURCE_WORDS)
    features = NER.encode(sentences(24), tokenizer, 24, TAGS)
    params = FinetuneParams(
        format="ner",
        source_language="en",
        epochs=1,
        batch_size=20,
        learning_rate=1e-3,
        max_length=24,
        dropout=0.0,
        seed=0,
    )
    gradients: list[list[Any]] = []
    counts = set[int]()
    for rows in (20, 3):
        model = model_of("roberta", len(tokenizer))
        data = TaskData(features, tokenizer, params, micro_rows=rows)
        steps = [data(0, rank, world) for rank in range(world)]
        batches = [batch for step in steps for batch in step.micro_batches]
        counts |= {step.count for step in steps}
        assert sum(int((b.targets != IGNORED).sum()) for b in batches) == steps[0].count
        for batch in batches:
            (NER.loss(model, batch) / steps[0].count).backward()
        gradients.append([p.grad for p in model.parameters() if p.grad is not None])
    assert len(counts) == 1, "every worker divides by the words of all"
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-4)


def test_targets_are_shorter_than_inputs_in_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = tiny_tokenizer("bert", SOURCE_WORDS)
    model = model_of("bert", len(tokenizer))
    batch = pad(NER.encode(sentences(4), tokenizer, 16, TAGS), tokenizer, 16)
    exact = NER.loss(model, batch)
    objective = TaskObjective(model, NER, 16)
    with monkeypatch.context() as bf16:  # in fp32 all the same, so that losses can be compared
        bf16.setattr(torch, "is_autocast_enabled", lambda _kind: True)
        torch.testing.assert_close(objective(batch), exact, atol=1e-4, rtol=1e-4)


def test_a_tokenizer_that_pads_on_the_left_changes_nothing() -> None:
    tokenizer = tiny_tokenizer("roberta", SOURCE_WORDS)
    model, rows = model_of("roberta", len(tokenizer)), sentences(30)
    right = NER.evaluate(model, tokenizer, rows, 32, "en").predictions
    tokenizer.padding_side = "left"
    assert NER.evaluate(model, tokenizer, rows, 32, "en").predictions == right
    features = NER.encode(rows, tokenizer, 32, TAGS)
    batch = pad(features, tokenizer, 32)
    assert set(batch.inputs["input_ids"][:, 0].tolist()) == {0}, "<s>"


def test_long_sentences_are_tagged_to_their_ends() -> None:
    """And scored whole: an entity may lie across two windows."""
    tokenizer = tiny_tokenizer("bert", SOURCE_WORDS)
    model = model_of("bert", len(tokenizer))
    words = tuple(SOURCE_WORDS[i % len(SOURCE_WORDS)] for i in range(50))
    row = Tagged(words, ("B-PER", *["I-PER"] * 49))
    scores = NER.evaluate(model, tokenizer, [row], 16, "en")
    (found,) = scores.predictions
    assert len(found["prediction"]) == 50 and set(found["prediction"]) <= set(TAGS)
    assert scores.quotients["recall"][1] == [1], "one entity"
    features = NER.encode([row], tokenizer, 16, TAGS)
    assert len(features) > 3 and sum(one["count"] for one in features) == 50


def test_words_are_scored_under_tokenizers_that_know_nothing_of_them() -> None:
    tokenizer = BASES["bert"]()
    model = model_of("bert", len(tokenizer), ("NOUN", "X"))
    row = Tagged(("", "habari", "\ufeff", "a" * 99, "世"), ("X", "NOUN", "X", "NOUN", "X"))
    scores = POS.evaluate(model, tokenizer, [row], 16, "sw")
    (found,) = scores.predictions
    right = [one == tag for one, tag in zip(found["prediction"], row.tags, strict=True)]
    assert scores.totals["accuracy"] == sum(right) / 5
    assert scores.quotients["accuracy"] == ([sum(right)], [5])
    assert 0 < scores.unknown_rate < 1


def test_labels_are_where_transformers_own_alignment_has_them() -> None:
    """As its example for token classification does it, with `is_split_into_words`."""
    rows = [Tagged(tuple(SWAHILI[i : i + 6]), (*TAGS, "O", "O")) for i in range(10)]
    for name in ("bert", "xlm-roberta"):  # RoBERTa's class asks for another setting
        tokenizer: Any = BASES[name]()
        assert isinstance(tokenizer, transformers.PreTrainedTokenizerFast)
        for row, ours in zip(rows, NER.encode(rows, tokenizer, 128, TAGS), strict=True):
            theirs = tokenizer(list(row.tokens), is_split_into_words=True)
            words = theirs.word_ids()
            first = [i for i, w in enumerate(words) if w is not None and w != words[i - 1]]
            assert ours["input_ids"] == theirs["input_ids"]
            assert [i for i, t in enumerate(ours["target"]) if t != IGNORED] == first
