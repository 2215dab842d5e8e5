"""TensorBoard's event files of a stage, beside its manifest: no part of the artifact.

    <store>/<kind>/<digest>/events.out.tfevents.<number>.lingraft

They belong to the stage, not to a holder, so that attempts make one curve. Each is written once and
holds what was measured up to `number` updates; whoever reads a folder of them reads one after the
other. Once the stage is done one file has it all.
"""

from lingraft.stage import Stage
from lingraft.store.base import ArtifactStore
from lingraft.store.disk import in_parallel

MOST_BYTES = 256 << 20
"""Of one file that is merged: a trainer's own."""


class EventFiles:
    """The event files of one stage."""

    def __init__(self, store: ArtifactStore, stage: Stage) -> None:
        self._store = store
        self._start = f"{stage.ref}/events.out.tfevents."

    def _key(self, number: int) -> str:
        return f"{self._start}{number:010d}.lingraft"

    def numbers(self) -> list[int]:
        """Of the files that are there, in order."""
        names = (one.key.removeprefix(self._start) for one in self._store.list(self._start))
        return sorted(int(name.partition(".")[0]) for name in names if name[:10].isdigit())

    def add(self, number: int, data: bytes) -> None:
        """Write what was measured up to `number` updates."""
        self._store.put(self._key(number), data)

    def drop_after(self, number: int) -> None:
        """Remove what was measured after an update that the stage goes on from."""
        later = [one for one in self.numbers() if one > number]
        in_parallel(self._store.delete, [self._key(one) for one in later])

    def merge(self) -> None:
        """Make one file of all: records stand one behind the other in it."""
        *others, last = self.numbers() or [0]
        if not others:
            return
        found = [self._store.get(self._key(one), most=MOST_BYTES) for one in (*others, last)]
        self._store.put(self._key(last), b"".join(one[0] for one in found if one is not None))
        in_parallel(self._store.delete, [self._key(one) for one in others])
