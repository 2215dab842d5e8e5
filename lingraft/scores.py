"""What stands in metrics that tables and decisions are made of: a graft's and a publish stage's.

Whoever may write to a store can put a manifest there. Its metrics are free for what a later release
adds; but what is read of them is as a trainer writes it, or the manifest is none.
"""

from collections.abc import Mapping
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from lingraft.errors import CorruptArtifactError
from lingraft.stage import Manifest, StageKind
from lingraft.store.base import ArtifactStore

Number = Annotated[float | None, Field(strict=True, allow_inf_nan=False)]


class _Part(BaseModel):
    """Fields of other releases are left as they are."""

    model_config = ConfigDict(extra="ignore", alias_generator=to_camel, strict=True)


class _Score(_Part):
    mean: Number = None
    stderr: Number = None


class _Floors(_Part):
    untouched: _Score | None = None
    majority: Number = None


class _Labels(_Part):
    gold: dict[str, float] | None = None
    predicted: dict[str, float] | None = None
    train: dict[str, float] | None = None


class _Task(_Part):
    task: str
    metrics: dict[str, _Score]
    source_metrics: dict[str, _Score] | None = None
    floors: dict[str, _Floors] | None = None
    labels: _Labels | None = None
    degenerate: list[str] | None = None
    warnings: list[str] | None = None


class _Bits(_Part):
    bits_per_byte: Number = None


class _Heldout(_Bits):
    start: _Bits | None = None
    untouched: _Bits | None = None
    unknown_rate: Number = None


class _Words(_Part):
    grafted: Number = None
    untouched: Number = None


class _Scores(_Part):
    evaluation: list[_Task] | None = None
    heldout: _Heldout | None = None
    tokens_per_word: _Words | None = None


class _Published(_Part):
    uri: str
    as_: str = Field(alias="as")
    published: bool = False
    version: str | None = None
    since: Annotated[AwareDatetime | None, Field(strict=False)] = None
    reason: str = ""


_KINDS: Mapping[StageKind, type[_Part]] = {"graft": _Scores, "publish": _Published}


def check_metrics(manifest: Manifest, store: ArtifactStore) -> None:
    """Refuse metrics that no trainer of ours wrote, of stages whose metrics are read.

    Args:
        manifest: Of any stage.
        store: Where it is.

    Raises:
        CorruptArtifactError: The first field that is not as it must be, and what to do.
    """
    kind = _KINDS.get(manifest.stage.kind)
    try:
        if kind is not None:
            kind.model_validate(manifest.metrics)
    except ValidationError as error:
        field = ".".join(["metrics", *(str(part) for part in error.errors()[0]["loc"])])
        key = f"{manifest.stage.ref}/manifest.json"
        raise CorruptArtifactError(
            f"{field} is not as a trainer writes it; {store.remedy(key)}", where=store.uri + key
        ) from error
