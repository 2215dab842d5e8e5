"""Errors name what the user wrote, and not where a copy of it lies."""

from pathlib import Path

import pytest

from lingraft.stage import Source, Stage, StageSpec
from lingraft_trainer.running.places import as_written


def spec_of(kind: str, **uris: str) -> StageSpec:
    sources = {
        str(number): Source(uri=uri, fingerprint=str(number), objects=1, bytes=1, text_bytes=1)
        for number, uri in enumerate(uris.values())
    }
    inputs = {name: f"source/{number}" for number, name in enumerate(uris)}
    stage = Stage.model_validate(
        {"kind": kind, "params": {}, "inputs": inputs | {"embed": "embed/1"}}
    )
    return StageSpec(stage=stage, sources=sources, store="s3://store/", holder="me")


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("{copy}/train.jsonl:3", "s3://data/nli/train.jsonl:3"),
        ("{copy}", "s3://data/nli"),
        ("spec.tasks[].learningRate", "spec.tasks[].learningRate"),
        ("", ""),
    ],
)
def test_a_copy_of_a_folder(tmp_path: Path, where: str, expected: str) -> None:
    inputs = {"embed": tmp_path / "x", "train": tmp_path}
    spec = spec_of("finetune", train="s3://data/nli/")
    assert as_written(where.format(copy=tmp_path), spec, inputs) == expected


@pytest.mark.parametrize(
    ("uri", "where", "expected"),
    [
        ("s3://data/sw/", "a/b.txt:7", "s3://data/sw/a/b.txt:7"),
        ("s3://data/sw/", "corpus", "s3://data/sw"),
        ("file:///data/sw/", "b.txt", "/data/sw/b.txt"),
        ("s3://data/sw/", "spec.tokenizer.uri", "spec.tokenizer.uri"),
    ],
)
def test_the_corpus_names_files_below_its_text(
    tmp_path: Path, uri: str, where: str, expected: str
) -> None:
    assert as_written(where, spec_of("corpus", text=uri), {"text": tmp_path}) == expected


def test_a_corpus_of_one_file(tmp_path: Path) -> None:
    copy = tmp_path / "0123"
    copy.write_text("moja")
    spec = spec_of("corpus", text="s3://data/sw.txt")
    assert as_written("0123:7", spec, {"text": copy}) == "s3://data/sw.txt:7"
