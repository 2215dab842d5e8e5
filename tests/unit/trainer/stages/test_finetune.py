"""Step 3: the body learns a task, the token embeddings stay; the best epoch is what is left."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import (
    AutoModelForMultipleChoice,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
)

from lingraft.errors import UserError
from lingraft.families import family_of
from lingraft_trainer.stages import finetune as stage
from lingraft_trainer.stages.finetune import finetune
from lingraft_trainer.tasks.classify import Classification
from lingraft_trainer.tasks.kinds import Scores
from tests.support.tiny import MATRIX, MODEL_TYPES, context, tiny_base

ANIMALS = ("bird", "cat", "dog")


def params(format: str = "classification", **changes: Any) -> dict[str, Any]:
    return {
        "format": format,
        "sourceLanguage": "en",
        "epochs": 3,
        "batchSize": 8,
        "learningRate": 1e-2,
        "maxLength": 24,
        "dropout": 0.0,
        "seed": 0,
    } | changes


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def topic_rows(count: int) -> list[dict[str, Any]]:
    """The label is the animal; a group is one ending, in all three labels."""
    endings = ["sat on a mat", "ran", "saw the sea", "and old house", "on red mat"]
    return [
        {"text": f"{animal} {endings[i % 5]} {i % 3 + 1}", "label": animal, "group": f"group {i}"}
        for i in range(count)
        for animal in ANIMALS
    ]


def question_rows(count: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for i in range(count):
        context = f"the {ANIMALS[i % 3]} sat on a {('mat', 'house', 'tree')[i % 3]} and ran {i % 3}"
        answer = ANIMALS[i % 3]
        place = {"text": [answer], "answer_start": [context.index(answer)]}
        rows.append({"id": str(i), "question": "sat on", "context": context, "answers": place})
    return rows


def choice_rows(count: int) -> list[dict[str, Any]]:
    """The right choice names the context's animal; of two choices, or of three."""
    rows: list[dict[str, Any]] = []
    for i in range(count):
        shown = ANIMALS[: 2 + i % 2]
        animal = i % len(shown)
        context = f"{shown[animal]} {shown[animal]} {('ran', 'sat', 'saw', 'on')[i % 4]}"
        rows.append({"context": context, "choices": list(shown), "label": animal})
    return rows


def tagged_rows(count: int) -> list[dict[str, Any]]:
    """Animals are found in a sentence, and the mat is one word of two."""
    tags = {**dict.fromkeys(ANIMALS, "B-ANIMAL"), "mat": "B-THING", "house": "I-THING"}
    rows: list[dict[str, Any]] = []
    for i in range(count):
        ends = ("ran", "sat on a mat house", "saw the sea", "and red tree", "a mat house")
        words = f"the {ANIMALS[i % 3]} {ends[i % 5]} and {ends[i // 5 % 5]} {i % 3 + 1}".split()
        rows.append({"tokens": words, "tags": [tags.get(word, "O") for word in words]})
    return rows


ROWS = {"qa": question_rows, "choice": choice_rows, "ner": tagged_rows}


def run(folder: Path, wanted: dict[str, Any], rows: list[dict[str, Any]], **more: Path) -> Any:
    base = more.pop("base", None) or tiny_base("roberta", folder / "base")
    train = write(folder / "train.jsonl", rows)
    ctx = context(folder / "stage", wanted, base=base, train=train, **more)
    return finetune(ctx), ctx


@pytest.mark.parametrize("format", ["classification", "qa", "choice", "ner"])
@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_token_embeddings_are_byte_identical_and_the_body_is_not(
    model_type: str, format: str, tmp_path: Path
) -> None:
    base = tiny_base(model_type, tmp_path / "base")
    family = family_of(model_type)
    able = {"qa": family.answers, "choice": family.chooses, "ner": not family.causal}
    if not able.get(format, True):
        pytest.skip("transformers has no such class, or none is trained here")
    rows = topic_rows(12) if format == "classification" else ROWS[format](24)
    result, ctx = run(tmp_path, params(format, epochs=1), rows, base=base)
    before, after = (load_file(p / "model.safetensors") for p in (base, ctx.out))
    shared = set(before) & set(after)
    same = {name for name in shared if torch.equal(before[name], after[name])}
    assert [name for name in same if name.endswith(MATRIX)]
    # Softmax does not see a key's bias: its gradient is nought but for rounding.
    frozen = {name for name in same if not name.endswith(("key.bias", "k_lin.bias", "attn.k.bias"))}
    assert all(name.endswith(MATRIX) for name in frozen), f"{frozen}: the whole body should train"
    assert len(shared) > 20
    assert result.compute.flops > 0 and result.compute.tokens > 0


@pytest.mark.parametrize("format", ["classification", "qa", "choice"])
def test_it_learns(format: str, tmp_path: Path) -> None:
    rows = ROWS.get(format, topic_rows)(90)
    if format == "classification":
        others = ("ran", "sat", "saw", "on", "tree", "house")
        rows = [
            {"text": f"{animal} {animal} {other} {i}", "label": animal}
            for i in (1, 2, 3)
            for other in others
            for animal in ANIMALS
        ]
    # One layer: through more of them, all random, little of a word reaches the first token.
    base = tiny_base("roberta", tmp_path / "base", layers=1)
    result, ctx = run(tmp_path, params(format, epochs=10), rows, base=base)
    curve = result.metrics["curve"]
    assert curve[-1]["loss"] < 0.7 * curve[0]["loss"]
    kind = {
        "classification": AutoModelForSequenceClassification,
        "qa": AutoModelForQuestionAnswering,
        "choice": AutoModelForMultipleChoice,
    }[format]
    model, loading = kind.from_pretrained(ctx.out, output_loading_info=True)
    assert not loading["missing_keys"]
    if format == "classification":
        assert result.metrics["labels"] == list(ANIMALS)
        assert model.config.id2label == dict(enumerate(ANIMALS))
        assert model.config.label2id == {name: i for i, name in enumerate(ANIMALS)}


@pytest.mark.parametrize("format", ["ner", "pos"])
def test_it_learns_to_tag(format: str, tmp_path: Path) -> None:
    base = tiny_base("roberta", tmp_path / "base", layers=1)
    wanted = params(format, epochs=20, learningRate=3e-2)
    result, ctx = run(tmp_path, wanted, tagged_rows(75), base=base)
    assert result.metrics["labels"] == ["B-ANIMAL", "B-THING", "I-THING", "O"]
    assert result.metrics["finalLoss"] < 0.5 * result.metrics["curve"][0]["loss"]
    scores = {"ner": {"f1", "precision", "recall"}, "pos": {"accuracy", "macroF1"}}[format]
    assert set(result.metrics["dev"]) == scores and min(result.metrics["dev"].values()) > 0.9
    _, loading = AutoModelForTokenClassification.from_pretrained(ctx.out, output_loading_info=True)
    assert not loading["missing_keys"]


def test_the_best_epoch_by_source_dev_is_what_is_exported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = [0.2, 0.9, 0.9, 0.5]
    seen: list[dict[str, torch.Tensor]] = []

    class Scripted(Classification):
        def evaluate(self, model: Any, *args: Any, **kwargs: Any) -> Scores:
            seen.append({name: t.clone() for name, t in model.state_dict().items()})
            return Scores(per_example={}, totals={"accuracy": scores[len(seen) - 1]})

    monkeypatch.setattr(stage, "kind_of", lambda format: Scripted())
    result, ctx = run(tmp_path, params(epochs=4), topic_rows(10))
    assert result.metrics["bestEpoch"] == 2, "of equal epochs the first"
    assert result.metrics["dev"] == {"accuracy": 0.9}
    exported = load_file(ctx.out / "model.safetensors")
    for name, tensor in exported.items():
        assert torch.equal(tensor, seen[1][name]), name
    moved = [name for name in exported if not torch.equal(seen[1][name], seen[3][name])]
    assert len(moved) > 20, "later epochs must differ, or this test shows nothing"


def test_a_dev_file_is_used_whole_and_its_labels_must_be_known(tmp_path: Path) -> None:
    base = tiny_base("roberta", tmp_path / "base")
    dev = write(tmp_path / "dev.jsonl", topic_rows(2))
    result, _ = run(tmp_path, params(epochs=1), topic_rows(6), base=base, dev=dev)
    assert result.metrics["examples"] == 18
    write(dev, [{"text": "a", "label": "cow"}])
    (tmp_path / "again").mkdir()
    with pytest.raises(UserError, match="unknown label 'cow'") as caught:
        run(tmp_path / "again", params(epochs=1), topic_rows(6), base=base, dev=dev)
    assert caught.value.where.endswith("dev.jsonl:1")


def test_what_was_read_and_what_was_left_out_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [*topic_rows(34), {"text": None, "label": "cat"}]
    dev = write(tmp_path / "dev.jsonl", topic_rows(2))
    result, _ = run(tmp_path, params(epochs=1), rows, dev=dev)
    assert result.metrics["data"] == {
        "train": {"files": [{"name": "train.jsonl", "rows": 102}], "skipped": 1},
        "dev": {"files": [{"name": "dev.jsonl", "rows": 6}], "skipped": 0},
    }
    (warning,) = result.metrics["warnings"]
    assert warning.startswith("train: 1 of 103 rows were left out, the first at ")
    assert "train.jsonl:103" in warning and warning in caplog.text


def test_names_of_labels_and_columns_reach_the_model(tmp_path: Path) -> None:
    rows = [{"t": row["text"], "n": ANIMALS.index(row["label"])} for row in topic_rows(6)]
    named = {"columns": {"text": "t", "label": "n"}, "labels": ["dog?", "cat?", "bird?"]}
    result, ctx = run(tmp_path, params(epochs=1, **named), rows)
    assert result.metrics["labels"] == ["dog?", "cat?", "bird?"]
    config = json.loads((ctx.out / "config.json").read_text())
    assert config["id2label"] == {"0": "dog?", "1": "cat?", "2": "bird?"}
