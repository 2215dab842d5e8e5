"""What stands in a place where models are published.

<uri>/current.json                 which version holds; written last
<uri>/<version>/published.json     that the version is whole; written after its files
<uri>/<version>/...                a pack or a whole model, as `lingraft export` writes it
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from lingraft.stage import Contract, FileRecord, sha256_of

CURRENT = "current.json"
PUBLISHED = "published.json"
MOST_TURNS = 100
"""Kept in `current.json`, the newest ones."""

As = Literal["pack", "model"]


def _moment(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("a time without its zone")
    return text


Moment = Annotated[str, AfterValidator(_moment)]


def version_of(graft: str, as_: As) -> str:
    """The version that a graft gets: the same content has the same name.

    Args:
        graft: `graft/<digest>`.
        as_: As what it is published.
    """
    return sha256_of([graft, as_])[:12]


class Published(Contract):
    """One version, whole."""

    version: str
    language: str
    as_: As = Field(alias="as")
    graft: str = Field(description="`graft/<digest>` of the stage that made it.")
    created_at: str = Field(description="When the graft was done, RFC 3339, UTC.")
    files: tuple[FileRecord, ...]
    scores: dict[str, float] = Field(
        description="By `<task>/<metric>/<fingerprint of the test data>`: what a later version is "
        "held against."
    )
    bodies: dict[str, str] = Field(
        default_factory=dict[str, str],
        description="URIs of what a pack goes into: `base`, and each task model by name and seed.",
    )
    load_test: dict[str, Any] = Field(description="What a clean process said of it.")


class Turn(Contract):
    """That a version was made the current one."""

    version: str
    since: Moment = Field(description="RFC 3339, UTC.")
    by: Literal["publish", "rollback"]


class Current(Contract):
    """Which version holds."""

    version: str
    language: str
    since: Moment = Field(description="RFC 3339, UTC.")
    history: tuple[Turn, ...] = Field(description="The newest last, this one among them.")
