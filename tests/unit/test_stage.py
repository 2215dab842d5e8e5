"""Stages and their digests: one name for one recipe."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lingraft import stage as stage_module
from lingraft.stage import (
    CONTRACT,
    Execution,
    FileRecord,
    Manifest,
    Progress,
    Stage,
    StageSpec,
    canonical_json,
    sha256_of,
)

STAGE = Stage(kind="mini", params={"layers": 4, "rate": 7e-4}, inputs={"base": "source/ab"})
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    # JSON files are UTF-8, which has no lone surrogates.
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abcä", max_size=3), inner),
    max_leaves=8,
)  # fmt: skip


def reversed_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: reversed_keys(value[key]) for key in reversed(value)}
    return [reversed_keys(one) for one in value] if isinstance(value, list) else value


@given(JSON)
def test_canonical_json_is_one_text_and_keeps_the_value(value: Any):
    text = canonical_json(value)
    assert json.loads(text) == value
    assert canonical_json(reversed_keys(value)) == text


def test_canonical_json_by_hand():
    assert canonical_json({"b": [1, 0.5, None], "a": "ä"}) == '{"a":"ä","b":[1,0.5,null]}'.encode()
    with pytest.raises(ValueError):
        canonical_json(float("nan"))


def test_a_digest_is_the_sha256_of_the_recipe():
    recipe = {
        "contract": CONTRACT,
        "kind": "mini",
        "params": {"rate": 7e-4, "layers": 4},
        "inputs": {"base": "source/ab"},
    }
    assert STAGE.digest == sha256_of(recipe)
    assert STAGE.ref == f"mini/{STAGE.digest}"


def test_a_stage_keeps_the_digest_of_the_contract_it_was_planned_under():
    before = STAGE.model_copy(update={"contract": 1})
    assert before.digest.startswith("4039a1734efa")
    assert before.digest != STAGE.digest
    assert "contract" not in before.to_json()


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "embed"},
        {"params": {"layers": 5, "rate": 7e-4}},
        {"params": {"layers": 4}},
        {"inputs": {"base": "source/cd"}},
        {"inputs": {"model": "source/ab"}},
    ],
    ids=str,
)
def test_every_part_of_a_recipe_counts(change: dict[str, Any]):
    assert STAGE.model_copy(update=change).digest != STAGE.digest


def test_how_a_stage_is_run_is_no_part_of_it():
    spec = StageSpec(stage=STAGE, store="file:///s", holder="a")
    other = StageSpec(
        stage=STAGE, store="s3://t", holder="b", execution=Execution(workers=4, precision="bf16")
    )
    assert spec.stage.digest == other.stage.digest


def test_what_is_stored_reads_back_and_is_spelt_in_camel_case():
    manifest = Manifest(
        stage=STAGE,
        holder="h",
        files=(FileRecord(path="a/b.json", size=2, sha256="00"),),
        metrics={"loss": 1.5},
        compute=stage_module.Compute(device_seconds=2.0),
        environment={"torch": "2.13"},
        created_at="2026-01-01T00:00:00Z",
    )
    stored = json.loads(canonical_json(manifest.to_json()))
    assert Manifest.model_validate(stored) == manifest
    assert stored["createdAt"] and stored["compute"]["deviceSeconds"] == 2.0
    assert stored["contract"] == CONTRACT


def test_what_is_stored_is_strict_and_never_changed():
    with pytest.raises(ValidationError, match="extra"):
        Progress.model_validate({"step": 1, "steps": 2, "stepz": 3})
    with pytest.raises(ValidationError):
        Stage.model_validate({"kind": "graph", "params": {}, "inputs": {}})
    with pytest.raises(ValidationError, match="frozen"):
        STAGE.kind = "graft"


def test_a_changed_copy_has_a_digest_of_its_own():
    stage = Stage(kind="embed", params={"steps": 1}, inputs={})
    assert stage.digest != stage.model_copy(update={"params": {"steps": 2}}).digest
    assert stage.digest != stage.model_copy(update={"contract": 1}).digest
    assert stage == Stage(kind="embed", params={"steps": 1}, inputs={}), "remembered or not"
