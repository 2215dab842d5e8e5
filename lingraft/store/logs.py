"""What trainers say, in the store: it outlives their pods.

    <store>/<kind>/<digest>/<holder>/log.txt

One for each holder, as its progress.json: the end of what it said, with the traceback if it failed.
"""

from typing import NamedTuple

from lingraft.limits import LISTED, NOTE_BYTES, at_most
from lingraft.stage import Stage
from lingraft.store.base import ArtifactStore
from lingraft.store.stages import read_manifest

NAME = "log.txt"


class Log(NamedTuple):
    """A holder's log."""

    uri: str
    modified: float
    """Seconds since 1970, by the store's clock."""
    text: str


def log_uri(store: str, ref: str, holder: str) -> str:
    """Where the log of `<kind>/<digest>` is, as a holder writes it."""
    return f"{store.rstrip('/')}/{ref}/{holder}/{NAME}"


def tail(text: str, most: int = NOTE_BYTES) -> str:
    """The last lines that fit into so many bytes of UTF-8, after a line that says so."""
    data = text.encode("utf-8", "replace")
    if len(data) <= most:
        return text
    said = "(what was said before is left out)\n"
    kept = data[-(most - len(said)) :]
    return said + (kept.partition(b"\n")[2] or kept).decode("utf-8", "ignore")


class Logs:
    """The logs of one stage."""

    def __init__(self, store: ArtifactStore, stage: Stage) -> None:
        self._store, self._ref = store, stage.ref

    def write(self, holder: str, text: str) -> None:
        """Write the end of a holder's log."""
        self._store.put(f"{self._ref}/{holder}/{NAME}", tail(text).encode("utf-8", "replace"))

    def read(self, holder: str) -> str:
        """A holder's log; empty where there is none."""
        found = self._store.get(f"{self._ref}/{holder}/{NAME}", most=NOTE_BYTES)
        return found[0].decode("utf-8", "replace") if found is not None else ""

    def newest(self) -> Log | None:
        """The log of who made the artifact, else the one that was written last."""
        done = read_manifest(self._store, self._ref)
        home = f"{self._ref}/{done.holder}/" if done is not None else f"{self._ref}/"
        listed = at_most(LISTED, self._store.list(home), self._store.uri + home)
        found = [one for one in listed if is_log(one.key)]
        if not found:
            return None
        last = max(found, key=lambda one: one.modified)
        text = self.read(last.key.split("/")[2])
        return Log(self._store.uri + last.key, last.modified, text)


def is_log(key: str) -> bool:
    """Whether it is `<kind>/<digest>/<holder>/log.txt`, not a file of the same name below."""
    return key.split("/")[3:] == [NAME]
