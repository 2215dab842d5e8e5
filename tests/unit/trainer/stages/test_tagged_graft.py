"""Tagging from fine-tuning to a graft: learned in one language, scored in another."""

import json
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file
from transformers import AutoModelForTokenClassification, AutoTokenizer

from lingraft_trainer.stages.embed import EMBEDDINGS
from lingraft_trainer.stages.finetune import finetune
from lingraft_trainer.stages.graft import graft
from tests.support import families
from tests.support.tiny import SOURCE_WORDS, context, tiny_base, tiny_corpus
from tests.unit.trainer.stages.test_finetune import params, tagged_rows, write

TARGET = [f"{word}u" for word in SOURCE_WORDS]
"""A language with other words for all, in the same order."""


def translated(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row | {"tokens": [f"{word}u" for word in row["tokens"]]} for row in rows]


@pytest.mark.parametrize("format", ["ner", "pos"])
def test_what_was_learned_of_words_is_known_of_their_translations(
    format: str, tmp_path: Path
) -> None:
    base = tiny_base("roberta", tmp_path / "base", layers=1)
    train = write(tmp_path / "train.jsonl", tagged_rows(75))
    wanted = params(format, epochs=20, learningRate=3e-2)
    tuned = context(tmp_path / "tuned", wanted, base=base, train=train)
    finetune(tuned)

    # Every word of the new language has the embedding of its translation.
    corpus = tmp_path / "corpus"
    tiny_corpus("roberta", TARGET, corpus)
    learned = tmp_path / "embed" / EMBEDDINGS
    learned.parent.mkdir()
    tensors = load_file(base / "model.safetensors")
    matrix, bias = tensors["roberta.embeddings.word_embeddings.weight"], tensors["lm_head.bias"]
    save_file({"weight": matrix, "bias": bias}, learned)

    rows = tagged_rows(20)
    test = write(tmp_path / "test.jsonl", translated(rows))
    # A sentence longer than maxLength, with a word that is nothing.
    long = {"tokens": ["catu", "", *["onu"] * 40, "dogu"], "tags": ["B-ANIMAL", *["O"] * 41,
            "B-ANIMAL"]}  # fmt: skip
    with test.open("a") as file:
        file.write(json.dumps(long) + "\n")
    task = {"name": "animals", "format": format, "maxLength": 24, "seeds": [0]}
    ctx = context(
        tmp_path / "graft",
        {"language": "sw", "method": "Standard", "init": "overlap", "seed": 0, "tasks": [task]},
        base=base,
        corpus=corpus,
        embed=learned.parent,
        **{
            "finetune:animals:0": tuned.out,
            "test:animals": test,
            "source_test:animals": write(tmp_path / "source.jsonl", rows),
        },
    )
    ctx.ancestors = families.embed_manifest
    (found,) = graft(ctx).metrics["evaluation"]

    main = "f1" if format == "ner" else "accuracy"
    metrics, floors = found["metrics"], found["floors"][main]
    assert metrics[main]["mean"] > 0.9 and found["sourceMetrics"][main]["mean"] > 0.9
    assert metrics[main]["stderr"] is not None and metrics[main]["stderr"] < 0.1
    assert floors["untouched"]["mean"] < metrics[main]["mean"] - 0.05
    assert found["examples"] == 21 and not found["degenerate"] and not found["warnings"]
    tags = [tag for row in (*rows, long) for tag in row["tags"]]
    assert found["labels"]["gold"] == {tag: tags.count(tag) for tag in set(tags)}
    assert sum(found["labels"]["predicted"].values()) == len(tags)
    if format == "ner":
        assert floors["majority"] == 0.0
    else:
        assert floors["majority"] == pytest.approx(tags.count("O") / len(tags))
        assert metrics["macroF1"]["stderr"] is None
    assert found["unknownRate"] > 0

    lines = (ctx.out / "predictions/animals-0.jsonl").read_text().splitlines()
    said = [json.loads(line) for line in lines]
    assert [one["tags"] for one in said] == [row["tags"] for row in (*rows, long)]
    assert all(len(one["prediction"]) == len(one["tokens"]) for one in said)

    # Anybody loads it, and is told the same.
    families.write_whole(ctx.out, base, {"animals-0": tuned.out})
    folder = ctx.out / "tasks/animals-0"
    model = AutoModelForTokenClassification.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    batch = tokenizer(" ".join(said[0]["tokens"]), return_tensors="pt")
    best = model(**batch).logits[0, 1:-1].argmax(-1).tolist()
    assert [model.config.id2label[number] for number in best] == said[0]["prediction"]


def test_one_tag_for_every_word_is_said(tmp_path: Path) -> None:
    base = tiny_base("bert", tmp_path / "base")
    train = write(tmp_path / "train.jsonl", tagged_rows(20))
    tuned = context(tmp_path / "tuned", params("ner", epochs=1), base=base, train=train)
    finetune(tuned)
    file = tuned.out / "model.safetensors"
    tensors = load_file(file)
    tensors["classifier.bias"][-1] = 1e4
    save_file(tensors, file, metadata={"format": "pt"})
    learned = tmp_path / "embed" / EMBEDDINGS
    learned.parent.mkdir()
    weights = load_file(base / "model.safetensors")
    names = "bert.embeddings.word_embeddings.weight", "cls.predictions.bias"
    save_file(dict(zip(("weight", "bias"), map(weights.get, names), strict=True)), learned)  # type: ignore[arg-type]
    tiny_corpus("bert", TARGET, tmp_path / "corpus")
    task = {"name": "animals", "format": "ner", "maxLength": 24, "seeds": [0]}
    ctx = context(
        tmp_path / "graft",
        {"language": "sw", "method": "Standard", "init": "overlap", "seed": 0, "tasks": [task]},
        base=base,
        corpus=tmp_path / "corpus",
        embed=learned.parent,
        **{"finetune:animals:0": tuned.out, "test:animals": train},
    )
    ctx.ancestors = families.embed_manifest
    (found,) = graft(ctx).metrics["evaluation"]
    assert found["degenerate"] == ["the model of seed 0 gives every word 'O'"]
    assert found["metrics"]["f1"]["mean"] == found["floors"]["f1"]["majority"] == 0.0
