"""Specs to plan, in a world of pinned sources that needs no files."""

from typing import Any

from lingraft.architecture import Shape
from lingraft.plan import Plan, plan, readings
from lingraft.resource import LanguageAdaptationSpec
from lingraft.selection import Reading
from lingraft.sources import pin
from lingraft.stage import Source

ROBERTA_BASE = Shape(
    model_type="roberta",
    layers=12,
    hidden=768,
    intermediate=3072,
    vocabulary=50_265,
    positions=512,
    has_head=True,
)
TEXT_BYTES = 10_000_000


def task(name: str = "xnli", **changes: Any) -> dict[str, Any]:
    """A task that is fine-tuned, two seeds of it."""
    return {
        "name": name,
        "format": "xnli",
        "train": f"file:///{name}/train",
        "test": f"file:///{name}/sw",
        "seeds": 2,
    } | changes


def fields_of(method: str) -> dict[str, Any]:
    """The fewest fields that make a spec of a method."""
    fields: dict[str, Any] = {
        "language": "sw",
        "base": {"uri": "file:///base"},
        "method": method,
        "corpus": {"uri": "file:///swahili"},
        "store": {"uri": "file:///store"},
    }
    if method == "MiniPost":
        fields["mini"] = {"text": {"uri": "file:///english"}}
    return fields


def spec_of(method: str = "Standard", **changes: Any) -> LanguageAdaptationSpec:
    """The shortest spec of a method, with changes of its top-level fields."""
    return LanguageAdaptationSpec.model_validate(fields_of(method) | changes)


def pinned(
    uri: str, reads: str = "text", *, size: int = TEXT_BYTES, key: str = "text.txt"
) -> Source:
    """A source whose content is its URI."""
    return pin(uri, [(key, size, f"sha256:{uri} {reads}")], reads)


def planned(
    spec: LanguageAdaptationSpec, shape: Shape = ROBERTA_BASE, corpus: Source | None = None
) -> Plan:
    """The plan over `shape`, or over the pretrained base where the spec asks for one."""
    sources = {one: pinned(*one) for one in readings(spec)}
    if corpus is not None:
        sources[Reading(spec.corpus.uri, "text")] = corpus
    return plan(spec, sources, None if spec.base.pretrain else shape)


def digests(found: Plan) -> dict[str, str]:
    """Name of a stage to its place in the store."""
    return {one.name: one.stage.ref for one in found.stages}
