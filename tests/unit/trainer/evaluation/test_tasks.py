"""Every score comes with what stands below it, and a model that tells nothing apart is named."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer

from lingraft.errors import UserError
from lingraft_trainer.stages.graft import graft
from lingraft_trainer.stages.snapshots import snapshot_file
from tests.support import families
from tests.support.tiny import context

LANGUAGE = {"language": "sw", "method": "Standard", "init": "overlap", "seed": 0}


def run(
    folder: Path, task: dict[str, Any], asked: dict[str, int] | None = None, /, **inputs: Path
) -> tuple[dict[str, Any], Path]:
    """Graft and evaluate one task: the metrics, and what was written."""
    params = LANGUAGE | {"tasks": [task]} | (asked or {})
    ctx = context(folder / "graft", params, **inputs)
    ctx.ancestors = families.embed_manifest
    return graft(ctx).metrics, ctx.out


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Path]:
    base = families.write_base("roberta", tmp_path / "base")
    return {
        "base": base,
        "corpus": families.write_corpus(base, tmp_path / "corpus"),
        "embed": families.write_embeddings(base, tmp_path / "embed"),
    }


TOPIC = {"name": "topic", "format": "classification", "maxLength": 32, "seeds": [0]}


def topic(inputs: dict[str, Path], folder: Path, labels: list[str]) -> dict[str, Path]:
    test = folder / "test.jsonl"
    rows = [{"text": f"habari ya {i}", "label": label} for i, label in enumerate(labels)]
    test.write_text("".join(json.dumps(row) + "\n" for row in rows))
    model = families.write_task_model(inputs["base"], "classification", folder / "topic")
    return inputs | {"test:topic": test, "finetune:topic:0": model}


def test_classification_beside_majority_and_untouched(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    metrics, _ = run(tmp_path, TOPIC, **topic(inputs, tmp_path, ["farm"] * 3 + ["sea"]))
    (one,) = metrics["evaluation"]
    assert one["labels"]["gold"] == {"farm": 3, "sea": 1}
    assert sum(one["labels"]["predicted"].values()) == 4
    confusion = one["labels"]["confusion"]
    assert {right: sum(given.values()) for right, given in confusion.items()} == {
        name: one["labels"]["gold"][name] for name in confusion
    }
    right = sum(confusion[name].get(name, 0) for name in confusion) / 4
    assert right == pytest.approx(one["metrics"]["accuracy"]["mean"])
    floors = one["floors"]
    assert floors["accuracy"]["majority"] == 0.75
    assert floors["macroF1"]["majority"] == pytest.approx((2 * 3 / (3 + 4)) / 2)

    # By hand: the fine-tuned model as it was, through its own tokenizer.
    folder = tmp_path / "topic"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    texts = [f"habari ya {i}" for i in range(4)]
    with torch.no_grad():
        guesses = [
            model.config.id2label[int(model(**tokenizer(t, return_tensors="pt")).logits.argmax())]
            for t in texts
        ]
    wanted = sum(g == w for g, w in zip(guesses, ["farm"] * 3 + ["sea"], strict=True)) / 4
    assert floors["accuracy"]["untouched"]["mean"] == wanted


def test_one_class_for_all_is_said(inputs: dict[str, Path], tmp_path: Path) -> None:
    given = topic(inputs, tmp_path, ["farm", "sea", "farm"])
    file = tmp_path / "topic/model.safetensors"
    tensors = load_file(file)
    tensors["classifier.out_proj.bias"] = torch.tensor([-1e4, 1e4])
    save_file(tensors, file, metadata={"format": "pt"})
    metrics, _ = run(tmp_path, TOPIC, **given)
    (one,) = metrics["evaluation"]
    assert one["degenerate"] == ["the model of seed 0 gives every example 'sea'"]


def test_one_class_is_right_where_there_is_only_one(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    metrics, _ = run(tmp_path, TOPIC, **topic(inputs, tmp_path, ["sea", "sea"]))
    assert metrics["evaluation"][0]["degenerate"] == []


def test_a_task_model_that_gives_no_numbers_fails(inputs: dict[str, Path], tmp_path: Path) -> None:
    given = topic(inputs, tmp_path, ["farm", "sea"])
    file = tmp_path / "topic/model.safetensors"
    tensors = load_file(file)
    tensors["classifier.dense.weight"][0, 0] = float("nan")
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(UserError, match="no numbers"):
        run(tmp_path, TOPIC, **given)


def test_learned_embeddings_that_are_no_numbers_fail(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    file = inputs["embed"] / "embeddings.safetensors"
    tensors = load_file(file)
    tensors["weight"][9] = float("nan")
    save_file(tensors, file)
    with pytest.raises(UserError, match="what step 2 learned holds values in weight"):
        run(tmp_path, TOPIC, **topic(inputs, tmp_path, ["farm", "sea"]))


def test_retrieval_beside_the_untouched_base(inputs: dict[str, Path], tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.jsonl"
    words = ["habari ya asubuhi", "nyumba kubwa", "mtoto mdogo", "kitabu leo"]
    pairs.write_text("".join(json.dumps({"source": w, "target": w}) + "\n" for w in words))
    task = {"name": "pairs", "format": "retrieval", "maxLength": 32, "seeds": []}
    metrics, _ = run(tmp_path, task, **inputs, **{"test:pairs": pairs})
    (one,) = metrics["evaluation"]
    assert one["floors"]["accuracy"]["untouched"]["mean"] == 1.0, "it reads the same sentences"
    assert one["labels"] is None and one["floors"]["accuracy"]["majority"] is None


def test_held_out_text_beside_its_start_and_the_untouched_base(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    from tests.support.bases import TEXT
    from tests.support.tiny import pack

    pack(families.base_tokenizer("roberta"), TEXT[:20], inputs["corpus"] / "heldout_base")
    metrics, _ = run(tmp_path, TOPIC, **topic(inputs, tmp_path, ["farm", "sea"]))
    heldout = metrics["heldout"]
    for one in (heldout, heldout["start"], heldout["untouched"]):
        assert one["bitsPerByte"] > 0 and one["maskedLmLoss"] > 0
    assert len({heldout["bitsPerByte"], heldout["start"]["bitsPerByte"]}) == 2


def test_snapshots_are_points_between_and_change_no_end(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    given = topic(inputs, tmp_path, ["farm", "sea"])
    bare = run(tmp_path, TOPIC, **given)[0]["heldout"]
    learned = load_file(inputs["embed"] / "embeddings.safetensors")
    for step in (0, 9, 20):
        file = inputs["embed"] / snapshot_file(step)
        file.parent.mkdir(exist_ok=True)
        save_file({name: tensor * step / 20 for name, tensor in learned.items()}, file)
    heldout = run(tmp_path / "kept", TOPIC, **given)[0]["heldout"]
    (point,) = heldout.pop("between")
    assert heldout == bare and point["step"] == 9
    alone = run(tmp_path / "alone", TOPIC, {"snapshot": 9}, **given)[0]["heldout"]
    assert "between" not in alone and alone["bitsPerByte"] == point["bitsPerByte"]
    assert point["bitsPerByte"] not in (bare["bitsPerByte"], bare["start"]["bitsPerByte"])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_graft_is_of_its_bases_type(dtype: torch.dtype, tmp_path: Path) -> None:
    base = families.write_base("bert", tmp_path / "base")
    file = base / "model.safetensors"
    tensors = {name: t.to(dtype) for name, t in load_file(file).items()}
    save_file(tensors, file, metadata={"format": "pt"})
    inputs = {
        "base": base,
        "corpus": families.write_corpus(base, tmp_path / "corpus"),
        "embed": families.write_embeddings(base, tmp_path / "embed"),
    }
    _, out = run(tmp_path, TOPIC, **topic(inputs, tmp_path, ["farm", "sea"]))
    families.write_whole(out, base, {"topic-0": tmp_path / "topic"})
    learned = load_file(inputs["embed"] / "embeddings.safetensors")["weight"]
    for folder in (out / "model", out / "tasks/topic-0"):
        written = load_file(folder / "model.safetensors")
        assert {t.dtype for t in written.values()} == {dtype}
        matrix = next(t for n, t in written.items() if n.endswith("word_embeddings.weight"))
        torch.testing.assert_close(matrix, learned.to(dtype), rtol=0, atol=0)
        assert AutoModel.from_pretrained(folder).dtype == dtype
    body = {n: t for n, t in load_file(out / "model/model.safetensors").items() if "layer.1." in n}
    assert all(torch.equal(t, tensors[name]) for name, t in body.items())
