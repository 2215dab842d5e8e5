"""Look the world up, then plan: fingerprints of every source, the base's shape, the cache."""

import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import lru_cache, partial
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any, cast

from lingraft.architecture import Shape, shape_of_config
from lingraft.encoder_names import MODULES
from lingraft.encoders import read_encoder
from lingraft.errors import LingraftError, OutsideError, UserError
from lingraft.files import dotted
from lingraft.formats.wanted import Wanted
from lingraft.gguf import SUFFIX, config_of_gguf, one_gguf
from lingraft.peek import look
from lingraft.plan import Plan, plan, readings
from lingraft.resource import LanguageAdaptation, LanguageAdaptationSpec
from lingraft.selection import Reading, task_reads
from lingraft.sources import fingerprint
from lingraft.stage import Manifest, Source
from lingraft.store import open_store
from lingraft.store.stages import read_manifest
from lingraft.task_files import FirstRows, first_rows, task_mistakes
from lingraft.text_looks import first_fault


def plan_resource(
    resource: LanguageAdaptation,
    pins: Mapping[Reading, Source] = MappingProxyType({}),
    shape: Shape | None = None,
    *,
    anew: bool = False,
) -> Plan:
    """Pin everything a resource reads, and plan it.

    Args:
        resource: What to plan.
        pins: Sources that were pinned before: taken as they are, without a look.
        shape: Of the base's checkpoint as it was pinned; counts only where `pins` has the base.
        anew: Whether local files are hashed whatever their sizes and times say.

    Raises:
        OutsideError: What the resource names is not there, or not as it must be; all such inputs
            at once.
        UserError: What it says does not fit.
        InfrastructureError: A bucket did not answer.
    """
    spec = resource.spec
    wanted = readings(spec)
    sources = {one: pins[one] for one in wanted if one in pins}
    errors: dict[str, LingraftError] = {}
    with ThreadPoolExecutor(max_workers=8) as pool:
        look = partial(fingerprint, anew=True) if anew else fingerprint
        pending = {
            one: pool.submit(copy_context().run, look, *one) for one in wanted if one not in pins
        }
    for one, looked_up in pending.items():
        field = wanted[one]
        try:
            sources[one] = looked_up.result()
        except LingraftError as error:
            errors.setdefault(field, _of_input(error, field))
    for one in pending:
        if one.reads == "text" and (fault := first_fault(one.uri)) is not None:
            errors.setdefault(wanted[one], _of_input(fault, wanted[one]))
    for error in _task_errors(spec, sources, fresh=pending):
        errors.setdefault(error.where, error)
    if errors:
        first, *others = errors.values()
        raise type(first)("\n".join(map(str, errors.values()))) if others else first
    base = spec.base.uri
    if base is None:
        shape = None
    elif shape is None or Reading(base, "checkpoint") not in pins:
        try:
            shape = _base_shape(base, sources[Reading(base, "checkpoint")].fingerprint)
        except LingraftError as error:
            ours = error.where.startswith("spec.")  # else it is what the store says of a URI
            field, message = (error.where, error.message) if ours else ("spec.base.uri", "")
            raise _of_input(error, field, message) from error
    return plan(spec, sources, shape)


def _of_input(error: LingraftError, field: str, message: str = "") -> LingraftError:
    """What a look at an input said, at its field: whatever is wrong there, the spec may stay."""
    kind = OutsideError if error.failure_class == "user" else type(error)
    return kind(message or str(error), where=field)


def _task_errors(
    spec: LanguageAdaptationSpec, sources: Mapping[Reading, Source], fresh: Iterable[Reading]
) -> list[LingraftError]:
    """What the first rows of task files that were not pinned before say, by field."""

    def look(uri: str, wanted: Wanted) -> FirstRows | None:
        found = sources.get(
            Reading(uri, task_reads(wanted.format, wanted.purpose, wanted.language))
        )
        return None if found is None else _first_rows(uri, found.fingerprint, wanted)

    return [
        _of_input(error, dotted(location))
        for location, error in task_mistakes(spec, {one.uri for one in fresh}, look)
    ]


@lru_cache(maxsize=256)
def _first_rows(uri: str, fingerprint: str, wanted: Wanted) -> FirstRows | None:
    """Of a source as it was pinned: many languages have one task."""
    return first_rows(uri, wanted)


@lru_cache(maxsize=256)
def _base_shape(uri: str, fingerprint: str) -> Shape:
    """The shape of a checkpoint as it was pinned: many languages have one base."""
    store = open_store(uri)
    found = None if uri.endswith(SUFFIX) else store.get("config.json")
    if found is None:
        place = look(uri)
        if (key := one_gguf(place.keys, PurePosixPath(uri).name)) is not None:
            with place.open(key) as stream:
                config = config_of_gguf(stream, where=uri)
            return shape_of_config(config, where="spec.base.uri")
        raise UserError(
            f"no config.json at {uri}: give the directory of a Hugging Face checkpoint",
            where="spec.base.uri",
        )
    try:
        content: Any = json.loads(found[0])
    except (ValueError, RecursionError) as error:
        message = f"config.json at {uri} is not JSON: {error}"
        raise UserError(message, where="spec.base.uri") from error
    if not isinstance(content, dict):
        raise UserError(f"config.json at {uri} holds no JSON object", where="spec.base.uri")
    shape = shape_of_config(cast(dict[str, Any], content), where="spec.base.uri")

    def read(key: str) -> bytes | None:
        found = store.get(key)
        return None if found is None else found[0]

    # One that could not be kept is refused before anything is spent.
    if read_encoder(read) is not None and shape.causal:
        raise UserError(
            f"{MODULES} makes a sentence encoder of a causal model, and vectors of those are not "
            f"supported: delete {MODULES} to adapt it as a language model alone",
            where="spec.base.uri",
        )
    return shape


def manifests_of(plan: Plan) -> dict[str, Manifest]:
    """The manifests of all stages that are done, by stage name."""
    store = open_store(plan.store)
    with ThreadPoolExecutor(max_workers=8) as pool:
        refs = [planned.stage.ref for planned in plan.stages]
        found = list(pool.map(partial(read_manifest, store), refs))
    pairs = zip(plan.stages, found, strict=True)
    return {planned.name: manifest for planned, manifest in pairs if manifest is not None}
