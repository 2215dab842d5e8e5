"""Metrics that tables and decisions are made of: a trainer's own pass, others are told."""

from typing import Any

import pytest

from lingraft.errors import CorruptArtifactError
from lingraft.publish.record import Current
from lingraft.scores import check_metrics
from lingraft.stage import Compute, Manifest, Stage, StageKind
from tests.support.operator.memory_store import MemoryStore

STORE = MemoryStore("s3://lingraft/", lambda: None)
PUBLISHED = {
    "uri": "s3://models/sw/", "as": "pack", "published": True, "reason": "", "version": "abc",
    "since": "2026-01-01T00:00:00.000000+00:00", "bytes": 3, "loadTest": {},
}  # fmt: skip
SCORED = {
    "heldout": {"bitsPerByte": 1, "start": {"bitsPerByte": None}, "untouched": None, "more": []},
    "tokensPerWord": {"grafted": 1.5, "untouched": 2},
    "evaluation": [{
        "task": "xnli", "metrics": {"accuracy": {"mean": 0.7}, "macroF1": {"mean": None}},
        "sourceMetrics": {"accuracy": {"mean": 1}}, "labels": {"gold": {"a": 3}}, "degenerate": [],
        "floors": {"accuracy": {"untouched": {"mean": 0.1}, "majority": 0.5}},
    }],
}  # fmt: skip


def manifest(kind: StageKind, metrics: dict[str, Any]) -> Manifest:
    return Manifest(
        stage=Stage(kind=kind, params={}, inputs={}),
        holder="h",
        files=(),
        metrics=metrics,
        compute=Compute(seconds=1, device_seconds=1),
        environment={},
        created_at="2026-01-01T00:00:00+00:00",
    )


@pytest.mark.parametrize(
    ("kind", "metrics"),
    [
        *(("graft", SCORED), ("graft", {"heldout": None}), ("graft", {})),
        *(("publish", PUBLISHED), ("publish", PUBLISHED | {"published": False, "since": None})),
        *(("embed", {"evaluation": 3}), ("corpus", {"heldout": "x"})),
    ],
)
def test_what_trainers_write_is_taken(kind: StageKind, metrics: dict[str, Any]) -> None:
    check_metrics(manifest(kind, metrics), STORE)


@pytest.mark.parametrize(
    ("kind", "metrics", "field"),
    [
        ("publish", {}, "uri"),
        ("publish", PUBLISHED | {"as": 3}, "as"),
        ("publish", PUBLISHED | {"since": "soon"}, "since"),
        ("publish", PUBLISHED | {"since": "2026-01-01T00:00:00"}, "since"),
        ("graft", SCORED | {"heldout": {"untouched": {"bitsPerByte": "1"}}}, "heldout.untouched"),
    ],
)
def test_what_they_never_write_is_told_by_field(
    kind: StageKind, metrics: dict[str, Any], field: str
) -> None:
    with pytest.raises(CorruptArtifactError, match=f"metrics.{field}.* delete the folder") as told:
        check_metrics(manifest(kind, metrics), STORE)
    assert told.value.where.endswith("/manifest.json")


@pytest.mark.parametrize("since", ["soon", "2026-01-01T00:00:00", ""])
def test_a_version_holds_since_a_moment(since: str) -> None:
    fields = {"version": "a", "language": "sw", "history": [], "since": since}
    with pytest.raises(ValueError, match="since"):
        Current.model_validate(fields)
