"""Publishing to a place, so that a reader finds a whole version or none, whoever dies when.

A version's files come first, then the file that says that it is whole, and last, by a conditional
write, the one that readers follow. Every step may be done again.
"""

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from lingraft.errors import CorruptArtifactError, InfrastructureError, UserError
from lingraft.limits import LISTED, at_most
from lingraft.publish.record import CURRENT, MOST_TURNS, PUBLISHED, Current, Published, Turn
from lingraft.stage import FileRecord
from lingraft.store.base import ArtifactStore, Conflict
from lingraft.store.json_object import parse_object, timestamp, utc_now, write_object

VERSION = re.compile(r"[\w.-]+")
FIELD = "spec.publish.uri"
Judge = Callable[[Published | None], None]
"""Raises where a version may not follow the current one."""


class Place:
    """A store at `spec.publish.uri`."""

    def __init__(self, store: ArtifactStore, *, now: Callable[[], datetime] = utc_now) -> None:
        self._store, self._now = store, now

    @property
    def uri(self) -> str:
        """Its address, with a slash at its end."""
        return self._store.uri

    def current(self) -> Current | None:
        """Which version holds; None before the first.

        Raises:
            CorruptArtifactError: What says so was damaged.
        """
        found = self._current()
        return found[0] if found else None

    def _current(self) -> tuple[Current, str] | None:
        try:
            return parse_object(self._store, CURRENT, Current)
        except CorruptArtifactError as error:
            message = "it is damaged, and readers follow it; delete it, and have it written anew: "
            message += "lingraft publish -f FILE --to VERSION"
            raise CorruptArtifactError(message, where=error.where) from error

    def version(self, name: str) -> Published | None:
        """A version, if it is whole."""
        found = parse_object(self._store, f"{name}/{PUBLISHED}", Published)
        return found[0] if found else None

    def versions(self) -> list[Published]:
        """Every whole version, the oldest graft first."""
        names = (key for key in self._keys("") if key.endswith(f"/{PUBLISHED}"))
        found = [self.version(key.removesuffix(f"/{PUBLISHED}")) for key in names]
        return sorted((one for one in found if one), key=lambda one: (one.created_at, one.version))

    def put(
        self, name: str, files: Path, record: Callable[[tuple[FileRecord, ...]], Published]
    ) -> Published:
        """Write a version whole; one that is whole already stays as it is.

        Args:
            name: The version's.
            files: Folder of its files.
            record: Makes its record from what was written.
        """
        if (there := self.version(name)) is not None and self._is_whole(there):
            return there
        self._store.delete(f"{name}/{PUBLISHED}")  # first: half of a version must not look whole
        made = record(self._store.upload(files, f"{name}/"))
        write_object(self._store, f"{name}/{PUBLISHED}", made)
        return made

    def _is_whole(self, version: Published) -> bool:
        found = self._keys(f"{version.version}/")
        return all(found.get(f"{version.version}/{one.path}") == one.size for one in version.files)

    def _keys(self, prefix: str) -> dict[str, int]:
        """Bytes of each object."""
        listed = at_most(LISTED, self._store.list(prefix), self._store.uri + prefix)
        return {info.key: info.size for info in listed}

    def make_current(self, version: Published, judge: Judge = lambda incumbent: None) -> Current:
        """Have readers follow a new version.

        One that held before and was rolled back from is left where it is: `roll_back` brings it
        back.

        Args:
            version: Which is whole.
            judge: Held against the version that holds just then.

        Returns:
            What holds now.

        Raises:
            UserError: The place is another language's, or the judge's.
            InfrastructureError: Others write it all the time.
        """
        self._store.check_writes()

        def turn(now: Current | None) -> bool:
            if now is not None and version.version in {one.version for one in now.history}:
                return False
            judge(self.version(now.version) if now is not None else None)
            return True

        return self._turn(version, "publish", turn)

    def roll_back(self, name: str) -> Current:
        """Have readers follow a version that is there already.

        Only `current.json` is written: an operator may have the right to no other object. Whoever
        published the version has tried the server.

        Raises:
            UserError: There is no such version, or it is not whole.
        """
        version = self.version(name) if VERSION.fullmatch(name) else None
        if version is None or not self._is_whole(version):
            known = ", ".join(one.version for one in self.versions()) or "none"
            message = f"{name} is no whole version; there are: {known}"
            raise UserError(message, where=self.uri)
        return self._turn(version, "rollback", lambda now: now is None or now.version != name)

    def _turn(
        self, version: Published, by: str, wanted: Callable[[Current | None], bool]
    ) -> Current:
        for _ in range(5):
            found = self._current()
            now = found[0] if found else None
            if now is not None and now.language != version.language:
                raise UserError(
                    f"{self.uri} holds {now.language}, not {version.language}: give each language "
                    "a place of its own",
                    where=FIELD,
                )
            if not wanted(now):
                assert now is not None
                return now
            since = timestamp(self._now())
            turn = Turn.model_validate({"version": version.version, "since": since, "by": by})
            history = (*(now.history if now else ()), turn)[-MOST_TURNS:]
            fresh = Current(
                version=version.version, language=version.language, since=since, history=history
            )
            try:
                write_object(
                    self._store,
                    CURRENT,
                    fresh,
                    if_absent=found is None,
                    if_match=found[1] if found else None,
                )
            except Conflict:
                continue
            return fresh
        raise InfrastructureError("many publish here at once; run again", where=self.uri)
