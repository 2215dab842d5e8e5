"""The small JSON objects of a store: written whole, read back validated."""

from datetime import UTC, datetime
from typing import TypeVar

from pydantic import ValidationError

from lingraft.errors import CorruptArtifactError
from lingraft.limits import NOTE_BYTES
from lingraft.stage import Contract
from lingraft.store.base import ArtifactStore

C = TypeVar("C", bound=Contract)


def utc_now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC, always with microseconds, so that texts sort as times do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def write_object(
    store: ArtifactStore,
    key: str,
    value: Contract,
    *,
    if_absent: bool = False,
    if_match: str | None = None,
) -> str:
    """Store `value` as readable JSON; its ETag. Raises Conflict as `ArtifactStore.put` does."""
    data = value.model_dump_json(by_alias=True, indent=2)  # a NaN (a lost loss) becomes null
    return store.put(key, data.encode(), if_absent=if_absent, if_match=if_match)


def parse_object(
    store: ArtifactStore, key: str, kind: type[C], most: int = NOTE_BYTES
) -> tuple[C, str] | None:
    """The object and its ETag, or None where there is none.

    Raises:
        TooLargeError: It has more than `most` bytes.
        CorruptArtifactError: It is not such an object.
    """
    found = store.get(key, most=most)
    if found is None:
        return None
    try:
        return kind.model_validate_json(found[0]), found[1]
    except ValidationError as error:
        message = f"this is no valid {kind.__name__}; {store.remedy(key)}"
        raise CorruptArtifactError(message, where=store.uri + key) from error
