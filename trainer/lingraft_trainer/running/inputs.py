"""A stage's inputs as local folders: fetched once, verified, and no more of them than it reads."""

import json
from pathlib import Path, PurePosixPath
from typing import Any

from lingraft.cache import cache_dir
from lingraft.errors import InfrastructureError
from lingraft.families import family_of
from lingraft.gguf import one_gguf
from lingraft.params import MiniParams
from lingraft.peek import look
from lingraft.selection import CONFIG, of_tokenizer
from lingraft.sources import fetch_source
from lingraft.stage import Source, StageKind, StageSpec
from lingraft.store.base import ArtifactStore
from lingraft.store.stages import fetch_artifact, read_manifest
from lingraft.tensors import Part
from lingraft_trainer.models.gguf import converted

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
        source = spec.sources[digest]
        base_of_mini = spec.stage.kind == "mini" and name == "base"
        # A bridge is fitted on what the whole base makes of text.
        bottom = base_of_mini and "bridge" not in spec.stage.params and not _is_gguf(source)
        return fetch_whole(source, _bottom(spec, source) if bottom else None)
    manifest = read_manifest(store, ref)
    if manifest is None:
        raise InfrastructureError("an input of this stage is not in the store yet", where=ref)
    if (spec.stage.kind, name) in TOKENIZER_ALONE:
        return fetch_artifact(store, manifest, cache_dir(), of_tokenizer)
    return fetch_artifact(store, manifest, cache_dir())


def uri_of(spec: StageSpec, store: ArtifactStore, ref: str) -> str:
    """URI of the files that a ref is of: a source's, or another stage's.

    Raises:
        InfrastructureError: That stage is not done.
    """
    kind, _, digest = ref.partition("/")
    if kind == "source":
        return spec.sources[digest].uri
    manifest = read_manifest(store, ref)
    if manifest is None:
        raise InfrastructureError("an input of this stage is not in the store yet", where=ref)
    return f"{store.uri}{ref}/{manifest.holder}/files/"


def fetch_whole(source: Source, part: Part | None = None) -> Path:
    """A verified local directory (or file) with a source, or of a checkpoint a part of it.

    A GGUF file becomes a checkpoint as others are.
    """
    found = fetch_source(source, cache_dir(), part)
    return converted(found, source.fingerprint) if _is_gguf(source) else found


def _is_gguf(source: Source) -> bool:
    """Whether a base is one file, which is converted as a whole."""
    if source.reads not in ("checkpoint", "tokenizer") or source.objects > 1:
        return False
    return one_gguf(look(source.uri).keys, PurePosixPath(source.uri).name) is not None


def _bottom(spec: StageSpec, source: Source) -> Part:
    """The embeddings, the head and the layers of a base that its mini-model is made of."""
    config: dict[str, Any] = json.loads(look(source.uri).open(CONFIG).read())
    family = family_of(str(config.get("model_type", "")))
    params = MiniParams.model_validate(spec.stage.params)
    kept = set(params.kept(int(config[family.sizes.layers])))
    name = f"layers-{params.layers}-{params.new_layers}-{params.new_layers_from}"
    return Part(name, lambda tensor: family.layer_of(tensor) in {-1, *kept})
