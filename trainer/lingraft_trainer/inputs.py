"""A stage's inputs as local folders: fetched once, verified, and no more of them than it reads."""

from pathlib import Path

from lingraft.cache import cache_dir
from lingraft.errors import InfrastructureError
from lingraft.selection import of_tokenizer
from lingraft.sources import fetch_source
from lingraft.stage import StageKind, StageSpec
from lingraft.store.base import ArtifactStore
from lingraft.store.stages import fetch_artifact, read_manifest

TOKENIZER_ALONE: frozenset[tuple[StageKind, str]] = frozenset(
    {("corpus", "base"), ("embed", "base")}
)
"""Kind of stage and name of its input, of which it reads the tokenizer and nothing else."""


def fetch_input(spec: StageSpec, store: ArtifactStore, name: str) -> Path:
    """A verified local directory (or file) with one of the stage's inputs.

    Args:
        spec: The stage and the sources it reads.
        store: Where other stages' artifacts are.
        name: The input's, in the stage.

    Raises:
        InfrastructureError: The stage that makes it is not done.
    """
    ref = spec.stage.inputs[name]
    kind, _, digest = ref.partition("/")
    if kind == "source":  # pinned as what it is read
        return fetch_source(spec.sources[digest], cache_dir())
    manifest = read_manifest(store, ref)
    if manifest is None:
        raise InfrastructureError("an input of this stage is not in the store yet", where=ref)
    if (spec.stage.kind, name) in TOKENIZER_ALONE:
        return fetch_artifact(store, manifest, cache_dir(), of_tokenizer)
    return fetch_artifact(store, manifest, cache_dir())
