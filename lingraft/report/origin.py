"""Where a run came from and where its model lies: sources, settings, provenance. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from lingraft.plan import Plan
from lingraft.stage import Manifest, Source

ORIGINS = ("what", "from", "size")
"""Titles of `origins`."""
PROVENANCE = ("stage", "its place in the store", "made", "by", "on", "in")
"""Titles of `provenance`."""


def origins(plan: Plan) -> Iterator[tuple[str, str, str]]:
    """Everything that was read from outside, with what for: a row of `ORIGINS` each."""
    sources = {f"source/{one.fingerprint}": one for one in plan.sources}
    readers: dict[str, list[str]] = {}
    largest: dict[str, Source] = {}  # of a checkpoint that is read whole, and for its tokenizer
    for planned in plan.stages:
        for name, ref in planned.stage.inputs.items():
            if (found := sources.get(ref)) is not None:
                readers.setdefault(found.uri, []).append(_reader(planned.name, name))
                before = largest.setdefault(found.uri, found)
                largest[found.uri] = max(before, found, key=lambda one: one.bytes)
    for uri, names in readers.items():
        yield ", ".join(dict.fromkeys(names)), uri, _size(largest[uri])


def _reader(stage: str, name: str) -> str:
    if name == "text":
        return {"corpus": "text of the new language", "source-corpus": "text of the source"}.get(
            stage, f"text of {stage}"
        )
    if name == "base":
        return "base model"
    if ":" in name:
        return name.replace(":", " of ").replace("_", " ")
    return f"{name} of {stage.removeprefix('finetune-').rpartition('-')[0] or stage}"


def _size(source: Source) -> str:
    size = float(source.bytes)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    files = f" in {source.objects:,} files" if source.objects > 1 else ""
    return f"{size:,.0f} {unit}{files}"


def place_of(plan: Plan, graft: Manifest | None) -> str:
    """Folder of what came out; empty before it did."""
    if graft is None:
        return ""
    return f"{plan.store.rstrip('/')}/{plan['graft'].stage.ref}/{graft.holder}/files/"


def settings(plan: Plan) -> Iterator[tuple[str, str, str]]:
    """(stage, parameter, value) of every parameter, defaults too."""
    for planned in plan.stages:
        for key, value in _leaves(planned.stage.params):
            yield planned.name, key, value


def _leaves(params: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for key, value in params.items():
        if isinstance(value, Mapping):
            yield from _leaves(cast(Mapping[str, Any], value), f"{above}{key}.")
        elif value is not None:
            yield f"{above}{key}", str(value)


def provenance(manifests: Mapping[str, Manifest]) -> Iterator[tuple[str, ...]]:
    """A row of `PROVENANCE` for every stage that is done."""
    for name, one in manifests.items():
        device, precision = (str(one.environment.get(key, "")) for key in ("device", "precision"))
        yield name, one.stage.ref, one.created_at, one.written_by, device, precision
