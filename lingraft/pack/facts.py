"""What is known of a pack when it is handed on, from the manifests of the stages behind it."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from lingraft.pack.record import Pack
from lingraft.params import MiniParams
from lingraft.resource.formats import TaskFormat
from lingraft.stage import Contract, Manifest


class Facts(Contract):
    """All that a card says."""

    pack: Pack
    graft: str = Field(description="`graft/<digest>`.")
    created_at: str = Field(description="When the graft was done, RFC 3339, UTC.")
    base_model: str | None = Field(
        default=None, description="The base's name on the Hub, where it has one."
    )
    formats: dict[str, TaskFormat] = Field(
        default_factory=dict[str, TaskFormat], description="Of each task that was evaluated."
    )
    metrics: dict[str, Any] = Field(description="The graft's.")
    tokenizer: dict[str, Any] = Field(description="tokenizer_report.json of the corpus.")
    method: str = Field(description="What people call it.")
    sources: dict[str, str] = Field(
        description="Fingerprint of everything external, by stage and input: corpus.text."
    )
    device_seconds: float = Field(description="Of all stages behind it, measured.")
    flops: float = Field(description="Of all stages behind it, by formula.")


def facts_of(
    pack: Pack, graft: Manifest, ancestors: Mapping[str, Manifest], base_model: str | None = None
) -> Facts:
    """The facts of a graft's pack.

    Args:
        pack: Its record.
        graft: The graft's manifest.
        ancestors: Manifests of the stages that it rests on, by `<kind>/<digest>`.
        base_model: The base's name on the Hub.
    """
    corpus = ancestors.get(graft.stage.inputs.get("corpus", ""))
    behind = [graft, *ancestors.values()]
    sources: dict[str, str] = {}
    for one in behind:
        for name, ref in one.stage.inputs.items():
            if ref.startswith("source/"):
                sources[f"{one.stage.kind}.{name}"] = ref.removeprefix("source/")
    return Facts(
        pack=pack,
        graft=graft.stage.ref,
        created_at=graft.created_at,
        base_model=base_model,
        formats={one["name"]: one["format"] for one in graft.stage.params["tasks"]},
        metrics=graft.metrics,
        tokenizer=corpus.metrics.get("tokenizer", {}) if corpus else {},
        method=_called(pack, ancestors),
        sources=dict(sorted(sources.items())),
        device_seconds=sum(one.compute.device_seconds for one in behind),
        flops=sum(one.compute.flops for one in behind),
    )


def _called(pack: Pack, ancestors: Mapping[str, Manifest]) -> str:
    minis = [one.stage.params for one in ancestors.values() if one.stage.kind == "mini"]
    return MiniParams.model_validate(minis[0]).called if minis else pack.method
