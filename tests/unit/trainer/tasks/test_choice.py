"""Multiple choice: rows are what transformers makes of them, and what is cut is the context."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score
from transformers import AutoModelForMultipleChoice

from lingraft.families import FAMILIES
from lingraft.formats import Choice
from lingraft.params import FinetuneParams
from lingraft_trainer.stages.finetune import TaskData
from lingraft_trainer.tasks.choice import MultipleChoice
from lingraft_trainer.tasks.features import rows_of, tokens_of
from lingraft_trainer.tasks.kinds import TaskObjective, batched_features, pad
from tests.support.tiny import LENGTH, MASKED_TYPES, SOURCE_WORDS, tiny_model, tiny_tokenizer

KIND = MultipleChoice()
CHOOSING = [name for name in MASKED_TYPES if FAMILIES[name].chooses]


def model_of(model_type: str, vocabulary: int) -> Any:
    config = tiny_model(model_type, layers=2, vocabulary=vocabulary).config
    config.initializer_range = 0.5  # so that it gives different answers
    torch.manual_seed(2)
    return AutoModelForMultipleChoice.from_config(config).eval()


def examples(count: int, choices: tuple[int, ...] = (2, 3, 4)) -> list[Choice]:
    """Of several numbers of choices, some with a question, some that lead, of many lengths."""
    found: list[Choice] = []
    for i in range(count):
        own = [
            " ".join(SOURCE_WORDS[(i + j) % 11 : (i + j) % 11 + 1 + j + i % 3])
            for j in range(choices[i % len(choices)])
        ]
        context = " ".join(SOURCE_WORDS[i % 5 : i % 5 + 1 + i % 9]) if i % 4 else ""
        question = "" if i % 2 and context else "the sea"
        found.append(Choice(context, question, tuple(own), i % len(own), leads=i % 5 == 1))
    return found


def by_hand(row: Choice, tokenizer: Any) -> dict[str, torch.Tensor]:
    """An example as transformers' own scripts have it: [1, C, S]."""
    first = [row.context or row.question for _ in row.choices]
    second = [f"{row.question} {one}" if row.question and row.context else one
              for one in row.choices]  # fmt: skip
    both = (second, first) if row.leads else (first, second)
    encoded = tokenizer(*both, padding=True, return_tensors="pt")
    names = [name for name in tokenizer.model_input_names if name in encoded]
    return {name: encoded[name].unsqueeze(0) for name in names}


@pytest.mark.parametrize("model_type", CHOOSING)
def test_loss_and_gradients_are_those_of_transformers(model_type: str) -> None:
    tokenizer = tiny_tokenizer(model_type, SOURCE_WORDS)
    model, rows = model_of(model_type, len(tokenizer)), examples(7)
    batch = pad(KIND.encode(rows, tokenizer, LENGTH, ()), tokenizer, LENGTH)
    assert batch.rows == 7 and len(batch.inputs["input_ids"]) == sum(len(r.choices) for r in rows)
    found = KIND.loss(model, batch)
    found.backward()
    ours = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    losses = [
        model(**by_hand(row, tokenizer), labels=torch.tensor([row.right])).loss for row in rows
    ]
    theirs = torch.stack(losses).sum()
    theirs.backward()
    torch.testing.assert_close(found, theirs, atol=1e-4, rtol=1e-4)
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(ours[name], parameter.grad, atol=1e-3, rtol=1e-3)
    assert len(ours) > 15


@pytest.mark.parametrize("world", [1, 3])
def test_how_an_update_is_cut_changes_no_gradient(world: int) -> None:
    tokenizer = tiny_tokenizer("roberta", SOURCE_WORDS)
    features = KIND.encode(examples(24), tokenizer, 24, ())
    params = FinetuneParams(
        format="choice",
        source_language="en",
        epochs=1,
        batch_size=20,
        learning_rate=1e-3,
        max_length=24,
        dropout=0.0,
        seed=0,
    )
    gradients, cuts = [], []
    for rows in (80, 9, 1):
        model: Any = model_of("roberta", len(tokenizer))
        data = TaskData(features, tokenizer, params, micro_rows=rows)
        steps = [data(0, rank, world) for rank in range(world)]
        batches = [batch for step in steps for batch in step.micro_batches]
        assert sum(batch.rows for batch in batches) == steps[0].count == 20
        assert steps[0].tokens == sum(int(b.inputs["attention_mask"].sum()) for b in batches)
        for batch in batches:
            assert len(batch.inputs["input_ids"]) <= max(rows, 4), "one example stays whole"
            (KIND.loss(model, batch) / 20).backward()
        cuts.append(len(batches))
        gradients.append([p.grad for p in model.parameters() if p.grad is not None])
    assert cuts[0] < cuts[1] < cuts[2] == 20
    for others in gradients[1:]:
        for whole, cut in zip(gradients[0], others, strict=True):
            torch.testing.assert_close(cut, whole, atol=1e-5, rtol=1e-4)


def test_padding_for_bf16_changes_no_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = tiny_tokenizer("bert", SOURCE_WORDS)
    model = model_of("bert", len(tokenizer))
    batch = pad(KIND.encode(examples(5), tokenizer, 29, ()), tokenizer, 29)
    exact = float(KIND.loss(model, batch).detach())
    monkeypatch.setattr(torch, "is_autocast_enabled", lambda _kind: True)
    found = float(TaskObjective(model, KIND, 29)(batch).detach())
    assert found == pytest.approx(exact, rel=1e-4)


@pytest.mark.parametrize("model_type", ["bert", "roberta", "modernbert"])
def test_scores_are_those_of_a_plain_loop_and_of_scikit_learn(model_type: str) -> None:
    tokenizer = tiny_tokenizer(model_type, SOURCE_WORDS)
    model, rows = model_of(model_type, len(tokenizer)), examples(61)
    model.train()  # as it is between epochs
    scores = KIND.evaluate(model, tokenizer, rows, LENGTH, "en")
    model.eval()
    with torch.no_grad():
        predicted = [str(int(model(**by_hand(row, tokenizer)).logits.argmax())) for row in rows]
    assert [p["prediction"] for p in scores.predictions] == predicted
    gold = [str(row.right) for row in rows]
    assert [p["label"] for p in scores.predictions] == gold
    assert scores.totals == {"accuracy": pytest.approx(accuracy_score(gold, predicted))}
    assert len(set(predicted)) > 1 and scores.constant is None


def test_a_model_that_always_takes_the_first_is_named() -> None:
    tokenizer = tiny_tokenizer("bert", SOURCE_WORDS)
    model, rows = model_of("bert", len(tokenizer)), examples(9)
    for parameter in model.classifier.parameters():
        parameter.data.zero_()
    assert KIND.evaluate(model, tokenizer, rows, LENGTH, "en").constant == "0"
    assert KIND.evaluate(model, tokenizer, rows[:1], LENGTH, "en").constant is None


TEXTS = st.lists(st.sampled_from(SOURCE_WORDS), min_size=1, max_size=40).map(" ".join)


@settings(max_examples=60)
@given(
    context=st.just("") | TEXTS,
    question=TEXTS,
    choices=st.lists(TEXTS, min_size=2, max_size=4),
    leads=st.booleans(),
    family=st.sampled_from(["bert", "roberta"]),
    max_length=st.integers(16, 32),
)
def test_the_context_is_cut_then_the_question_and_a_choice_last(
    context: str, question: str, choices: list[str], leads: bool, family: str, max_length: int
) -> None:
    tokenizer = tiny_tokenizer(family, SOURCE_WORDS)
    row = Choice(context, question, tuple(choices), 0, leads and bool(context))
    [feature] = KIND.encode([row], tokenizer, max_length, ())
    assert feature["target"] == (0, len(choices))
    room = max_length - tokenizer.num_special_tokens_to_add(pair=True)
    for choice, one in zip(choices, rows_of(feature), strict=True):
        assert len(one["input_ids"]) <= max_length
        said = str(tokenizer.decode(one["input_ids"], skip_special_tokens=True)).split()
        wanted, asked, about = choice.split(), question.split(), context.split()
        kept = wanted[:room]
        asked = asked[: room - len(kept)]
        about = about[: room - len(kept) - len(asked)]
        answer = [*asked, *kept, *about] if row.leads else [*about, *asked, *kept]
        assert said == answer


def test_a_batch_has_so_many_rows_and_one_example_stays_together() -> None:
    tokenizer = tiny_tokenizer("bert", SOURCE_WORDS)
    features = KIND.encode(examples(12), tokenizer, LENGTH, ())
    assert [len(rows_of(one)) for one in features] == [2, 3, 4] * 4
    assert all(tokens_of(one) == sum(len(r["input_ids"]) for r in rows_of(one)) for one in features)
    for rows, most in ((64, 12), (8, 2), (3, 1)):
        parts = batched_features(features, rows)
        assert sorted(i for part in parts for i in part) == list(range(12))
        assert max(map(len, parts)) == most
    assert batched_features([], 4) == []
