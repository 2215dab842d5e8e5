"""What may be deleted, and how: nothing that is reached, held or young."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Literal

from lingraft.errors import StageBusyError
from lingraft.inventory.survey import Entry, behind
from lingraft.store.base import ArtifactStore
from lingraft.store.disk import in_parallel
from lingraft.store.lease import Lease, local_holder

DAY = 86_400


@dataclass(frozen=True)
class Doomed:
    """One folder that may go.

    Attributes:
        entry: The stage's folder.
        what: `all` of it; or its `files` alone, so that the manifest still says that it is done
            and no run computes it again.
    """

    entry: Entry
    what: Literal["all", "files"]

    @property
    def keys(self) -> list[str]:
        """What goes."""
        own = {f"{self.entry.ref}/manifest.json", f"{self.entry.ref}/lease.json"}
        return [key for key in self.entry.keys if self.what == "all" or key not in own]


def prunable(
    entries: Mapping[str, Entry],
    roots: Collection[str],
    *,
    now: float,
    days: float,
    intermediates: bool = False,
) -> list[Doomed]:
    """What nothing reaches; with `intermediates` also what only led to what is done. Pure.

    Args:
        entries: All that is in the store.
        roots: `<kind>/<digest>` of what is wanted; all that it rests on is reached.
        now: Seconds since 1970, by the store's clock.
        days: What was written since then stays.
        intermediates: Mini-models and packed source text that is reached, but of which all that
            rests on it is done.
    """
    reached = behind(entries, list(roots)) | set(roots)
    old = [one for one in entries.values() if now - one.modified >= days * DAY]
    doomed = [Doomed(one, "all") for one in old if one.ref not in reached]
    if intermediates:
        waiting = _inputs_of_undone(entries, roots)
        doomed += [
            Doomed(one, "files")
            for one in old
            if one.ref in reached and _leads_only(one) and one.ref not in waiting
        ]
    return sorted((one for one in doomed if one.keys), key=lambda one: one.entry.ref)


def _leads_only(entry: Entry) -> bool:
    """Whether it is no result of its own, and is done."""
    if entry.manifest is None:
        return False
    of_source = entry.kind == "corpus" and entry.manifest.stage.params.get("language") is None
    return entry.kind == "mini" or of_source


def _inputs_of_undone(entries: Mapping[str, Entry], roots: Collection[str]) -> set[str]:
    """All stages of plans of which one is not done: it may want any of them."""
    undone = [ref for ref in roots if ref not in entries or entries[ref].manifest is None]
    return set(roots) if undone else set()


def prune(store: ArtifactStore, doomed: Doomed) -> bool:
    """Delete it, unless somebody holds its lease; whether it is gone."""
    ref: Any = SimpleNamespace(ref=doomed.entry.ref)
    lease = Lease(store, ref, f"prune-{local_holder()}")
    try:
        lease.acquire()
    except StageBusyError:
        return False
    # The manifest goes first: what is half deleted must not look done.
    manifest, held = f"{ref.ref}/manifest.json", f"{ref.ref}/lease.json"
    if doomed.what == "all":
        store.delete(manifest)
    in_parallel(store.delete, [key for key in doomed.keys if key not in (manifest, held)])
    if doomed.what == "all":
        store.delete(held)
    else:
        lease.release()
    return True
