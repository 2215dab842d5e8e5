"""Every stage's folder in a store, from one listing and the manifests."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lingraft.errors import CorruptArtifactError
from lingraft.stage import Manifest
from lingraft.store.base import ArtifactStore
from lingraft.store.disk import in_parallel
from lingraft.store.stages import read_manifest

KINDS = ("corpus", "pretrain", "mini", "embed", "finetune", "graft", "publish")
SHARED = "-"
"""In place of a language, of what knows none and of which no language was made."""


@dataclass
class Entry:
    """One stage's folder.

    Attributes:
        ref: `<kind>/<digest>`.
        bytes: Of all its objects.
        objects: How many they are.
        modified: When the last one was written, seconds since 1970 by the store's clock.
        manifest: None while it is not done, or if it cannot be read.
        languages: That it was made for: its own, or of what rests on it.
        resources: That wanted it, or what rests on it: `namespace/name`, or a file's name.
        keys: Of its objects.
    """

    ref: str
    bytes: int = 0
    objects: int = 0
    modified: float = 0.0
    manifest: Manifest | None = None
    languages: set[str] = field(default_factory=set[str])
    resources: set[str] = field(default_factory=set[str])
    keys: list[str] = field(default_factory=list[str])

    @property
    def kind(self) -> str:
        """What kind of stage it is."""
        return self.ref.partition("/")[0]

    @property
    def language(self) -> str:
        """The languages in a few words."""
        return ",".join(sorted(self.languages)) or SHARED

    @property
    def resource(self) -> str:
        """The resources in a few words."""
        return ",".join(sorted(self.resources)) or SHARED

    @property
    def called(self) -> str:
        """What people call it, `<resource>/<its name in the plan>`, or empty."""
        return self.manifest.made_for if self.manifest is not None else ""

    def begins(self, text: str) -> bool:
        """Whether its ref, or what people call it, begins so."""
        return self.ref.startswith(text) or self.called.startswith(text)


def survey(store: ArtifactStore) -> dict[str, Entry]:
    """Every stage's folder, by its ref; what is no stage's is left out."""
    found: dict[str, Entry] = {}
    for info in store.list(""):
        parts = info.key.split("/")
        if len(parts) < 3 or parts[0] not in KINDS:
            continue
        entry = found.setdefault(ref := "/".join(parts[:2]), Entry(ref))
        entry.bytes += info.size
        entry.objects += 1
        entry.modified = max(entry.modified, info.modified)
        entry.keys.append(info.key)
    done = [one for one in found.values() if f"{one.ref}/manifest.json" in one.keys]

    def read(entry: Entry) -> None:
        try:
            entry.manifest = read_manifest(store, entry.ref)
        except CorruptArtifactError:
            entry.manifest = None

    in_parallel(read, done)
    _tell_for_whom(found)
    return found


def _tell_for_whom(entries: Mapping[str, Entry]) -> None:
    """A stage is of its own language and resource; what it rests on is of them too."""
    for entry in entries.values():
        if entry.manifest is None:
            continue
        language, resource = entry.manifest.stage.params.get("language"), _resource(entry.manifest)
        if language is None and not resource:
            continue
        for ref in behind(entries, [entry.ref]):
            entries[ref].languages |= {str(language)} if language is not None else set[str]()
            entries[ref].resources |= {resource} if resource else set[str]()


def _resource(manifest: Manifest) -> str:
    """The resource that had it made, as its writer said; empty where nobody did."""
    writer = manifest.written_by
    return writer if "/" in writer else manifest.made_for.partition("/")[0]


def behind(entries: Mapping[str, Entry], refs: list[str]) -> set[str]:
    """These stages and all that they rest on, as far as it is in the store."""
    found: set[str] = set()
    wanted = list(refs)
    while wanted:
        ref = wanted.pop()
        entry = entries.get(ref)
        if entry is None or ref in found:
            continue
        found.add(ref)
        if entry.manifest is not None:
            wanted += entry.manifest.stage.inputs.values()
    return found
