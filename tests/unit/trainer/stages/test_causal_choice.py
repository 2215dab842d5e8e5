"""Choices of a causal base end to end: without training, in the new language as in its own."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from lingraft_trainer.stages.graft import graft
from tests.support import families
from tests.support.tiny import context, tiny_corpus
from tests.support.translated import THEIRS, base_of, foreign, learned, write

CHOICES: list[dict[str, Any]] = [
    {"context": "the cat sat on a mat", "question": "cat saw", "choices": [a, b, c], "label": i % 3}
    for i, (a, b, c) in enumerate(
        [("the dog", "a big red bird", "sea"), ("old house", "tree", "a mat and a dog")] * 4
    )
]
PAIRS = [
    {"sentence_good": f"the {noun} sat on a mat", "sentence_bad": f"a {noun} sat mat"}
    for noun in ("cat", "dog", "bird", "tree")
]


@pytest.mark.parametrize("model_type", ["llama", "gemma2", "qwen2"])
def test_what_is_likely_in_one_language_is_as_likely_in_the_other(
    model_type: str, tmp_path: Path
) -> None:
    base = base_of(model_type, tmp_path / "base")
    tasks = [
        {"name": name, "format": format, "maxLength": 32, "seeds": []}
        for name, format in (("read", "choice"), ("said", "multiblimp"))
    ]
    inputs: dict[str, Path] = {}
    for name, rows in (("read", CHOICES), ("said", PAIRS)):
        inputs[f"source_test:{name}"] = write(tmp_path / f"{name}-en.jsonl", rows)
        theirs = [{key: foreign(value) for key, value in row.items()} for row in rows]
        inputs[f"test:{name}"] = write(tmp_path / f"{name}-fo.jsonl", theirs)
    ctx = context(
        tmp_path / "graft",
        {"language": "sw", "method": "Standard", "init": "overlap", "seed": 0, "tasks": tasks},
        base=base,
        corpus=tiny_corpus(model_type, THEIRS, tmp_path / "corpus"),
        embed=learned(model_type, base, tmp_path / "embed"),
        **inputs,
    )
    ctx.ancestors = families.embed_manifest
    result = graft(ctx)
    read, said = result.metrics["evaluation"]
    for one in (read, said):
        assert set(one["metrics"]) == {"accuracy", "accuracyNorm", "accuracyBytes"}
        assert one["metrics"].keys() == one["floors"].keys() == one["sourceMetrics"].keys()
        assert one["metrics"]["accuracy"]["mean"] == one["sourceMetrics"]["accuracy"]["mean"]
        assert 0 <= one["floors"]["accuracy"]["untouched"]["mean"] <= 1
        assert "tokens" not in one
    assert (read["examples"], read["rows"], said["rows"]) == (8, 24, 8)
    gold = [str(row["label"]) for row in CHOICES]
    most = max(map(gold.count, gold)) / len(gold)
    assert all(floor["majority"] == most for floor in read["floors"].values())
    assert said["labels"] is None and said["floors"]["accuracy"]["majority"] is None
    # Tokens that were read, not the longest that may be.
    assert 24 * 8 < result.compute.tokens < 24 * 16 + 8 * 10

    lines = (ctx.out / "predictions/read.jsonl").read_text().splitlines()
    predictions = [json.loads(line) for line in lines]
    right = [one["label"] == one["prediction"] for one in predictions]
    assert sum(right) / len(right) == read["metrics"]["accuracy"]["mean"]
    likely = torch.tensor([one["logLikelihoods"] for one in predictions])
    assert torch.isfinite(likely).all() and (likely < 0).all()
    written = json.loads((ctx.out / "evaluation.json").read_text())
    assert [one["task"] for one in written] == ["read", "said"]
