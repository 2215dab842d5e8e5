"""How the instant trainer goes about its stages, for tests to say at any time."""

import json
from pathlib import Path
from typing import Any

from lingraft.errors import FailureClass
from lingraft.stage import Contract, Stage

BEHAVIOURS = "LINGRAFT_INSTANT"
"""The variable that names the file."""


class Behaviour(Contract):
    """How one attempt goes. The default: done at once."""

    seconds: float = 0.0  # of work, in ten parts, with a heartbeat each and a checkpoint half-way
    fail: FailureClass | None = None  # at the end of those seconds
    message: str = "as the test asked"
    hang: bool = False  # with the lease, without a heartbeat
    die: bool = False  # at the end of those seconds, without a word and with the lease
    times: int = 1 << 30  # for so many attempts


class Behaviours:
    """The file that says how stages misbehave, for tests to change at any time.

    Keys are `<kind>/<start of the digest>`, `<kind>` or `*`; the first of these that fits and
    has times left counts.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._known: dict[str, Behaviour] = {}
        self._write()

    def set(self, key: str, **fields: Any) -> None:
        """Stages that `key` fits behave so from their next attempt on."""
        for mark in self.file.parent.glob(f"{_mark(self.file, key).name}*"):
            mark.unlink()
        self._known[key] = Behaviour(**fields)
        self._write()

    def clear(self) -> None:
        """All stages are done at once again."""
        self._known.clear()
        self._write()

    def _write(self) -> None:
        scratch = self.file.with_suffix(".new")
        scratch.write_text(json.dumps({k: b.to_json() for k, b in self._known.items()}))
        scratch.replace(self.file)


def behaviour_of(file: str | None, stage: Stage) -> Behaviour:
    """How this attempt at a stage goes; uses up one of its times."""
    if not file:
        return Behaviour()
    known: dict[str, Any] = json.loads(Path(file).read_text())
    for key in sorted(known, key=len, reverse=True):  # the narrower first
        if key in ("*", stage.kind) or ("/" in key and stage.ref.startswith(key)):
            found = Behaviour.model_validate(known[key])
            if found.times >= 1 << 30 or _take(_mark(Path(file), key), found.times):
                return found
    return Behaviour()


def _mark(file: Path, key: str) -> Path:
    return file.with_name(f"{file.name}.{key.replace('/', '-').replace('*', 'all')}.")


def _take(mark: Path, times: int) -> bool:
    """Whether one of `times` is left; attempts count in files, for they are processes."""
    for number in range(times):
        try:
            mark.with_name(f"{mark.name}{number}").touch(exist_ok=False)
        except FileExistsError:
            continue
        return True
    return False
