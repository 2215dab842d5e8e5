"""Look the world up, then plan: fingerprints of every source, the base's shape, the cache."""

import json
from collections.abc import Container, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Any, cast

from lingraft.architecture import Shape, shape_of_config
from lingraft.errors import LingraftError, UserError
from lingraft.files import dotted
from lingraft.formats.wanted import Wanted
from lingraft.plan import Plan, plan, source_uris
from lingraft.resource import LanguageAdaptation, LanguageAdaptationSpec
from lingraft.sources import fingerprint
from lingraft.stage import Manifest, Source
from lingraft.store import open_store
from lingraft.store.stages import read_manifest
from lingraft.task_files import FirstRows, first_rows, task_mistakes


def plan_resource(
    resource: LanguageAdaptation,
    pins: Mapping[str, Source] = MappingProxyType({}),
    shape: Shape | None = None,
) -> Plan:
    """Pin everything a resource reads, and plan it.

    Args:
        resource: What to plan.
        pins: Sources that were pinned before, by URI: taken as they are, without a look.
        shape: Of the base's checkpoint as it was pinned; counts only where `pins` has the base.

    Raises:
        LingraftError: What cannot be found or does not fit; all missing inputs at once.
    """
    spec = resource.spec
    fields = source_uris(spec)
    wanted = dict.fromkeys(fields.values())
    sources = {uri: pins[uri] for uri in wanted if uri in pins}
    errors: list[LingraftError] = []
    with ThreadPoolExecutor(max_workers=8) as pool:
        pending = {uri: pool.submit(fingerprint, uri) for uri in wanted if uri not in pins}
    for field, uri in fields.items():
        if uri not in pending:
            continue
        try:
            sources[uri] = pending[uri].result()
        except LingraftError as error:
            errors.append(type(error)(str(error), where=field))
    errors += _task_errors(spec, sources, fresh=pending)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise type(errors[0])("\n".join(str(error) for error in errors))
    base = spec.base.uri
    if base is None:
        shape = None
    elif shape is None or base not in pins:
        shape = _base_shape(base, sources[base].fingerprint)
    return plan(spec, sources, shape)


def _task_errors(
    spec: LanguageAdaptationSpec, sources: Mapping[str, Source], fresh: Container[str]
) -> list[LingraftError]:
    """What the first rows of task files that were not pinned before say, by field."""

    def look(uri: str, wanted: Wanted) -> FirstRows | None:
        return _first_rows(uri, sources[uri].fingerprint, wanted) if uri in sources else None

    return [
        type(error)(str(error), where=dotted(location))
        for location, error in task_mistakes(spec, fresh, look)
    ]


@lru_cache(maxsize=256)
def _first_rows(uri: str, fingerprint: str, wanted: Wanted) -> FirstRows | None:
    """Of a source as it was pinned: many languages have one task."""
    return first_rows(uri, wanted)


@lru_cache(maxsize=256)
def _base_shape(uri: str, fingerprint: str) -> Shape:
    """The shape of a checkpoint as it was pinned: many languages have one base."""
    found = open_store(uri).get("config.json")
    if found is None:
        raise UserError(
            f"no config.json at {uri}: give the directory of a Hugging Face checkpoint",
            where="spec.base.uri",
        )
    try:
        config: Any = json.loads(found[0])
    except ValueError as error:
        message = f"config.json at {uri} is not JSON: {error}"
        raise UserError(message, where="spec.base.uri") from error
    if not isinstance(config, dict):
        raise UserError(f"config.json at {uri} holds no JSON object", where="spec.base.uri")
    return shape_of_config(cast(dict[str, Any], config), where="spec.base.uri")


def manifests_of(plan: Plan) -> dict[str, Manifest]:
    """The manifests of all stages that are done, by stage name."""
    store = open_store(plan.store)
    with ThreadPoolExecutor(max_workers=8) as pool:
        refs = [planned.stage.ref for planned in plan.stages]
        found = list(pool.map(partial(read_manifest, store), refs))
    pairs = zip(plan.stages, found, strict=True)
    return {planned.name: manifest for planned, manifest in pairs if manifest is not None}
