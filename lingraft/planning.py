"""Look the world up (sources, the base's shape, what the store has), then plan."""

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from lingraft.architecture import Shape, shape_of_config
from lingraft.errors import InfrastructureError, LingraftError, UserError
from lingraft.plan import Plan, plan, source_uris
from lingraft.resource import LanguageAdaptation
from lingraft.sources import fingerprint
from lingraft.stage import Manifest, Source
from lingraft.store import open_store
from lingraft.store.stages import read_manifest

THREADS = 8
T = TypeVar("T")


def plan_resource(resource: LanguageAdaptation) -> Plan:
    """Plan a resource as the world is now.

    Raises:
        LingraftError: Something is missing or may not be read; the message has a line for each
            field that is concerned, and every line starts with the field.
    """
    spec = resource.spec
    fields = source_uris(spec)
    base_uri = spec.base.uri

    def look(uri: str) -> Source | LingraftError:
        return _or_error(lambda: fingerprint(uri))

    def look_at_base() -> Shape | None | LingraftError:
        return _or_error(lambda: base_shape(base_uri)) if base_uri else None

    with ThreadPoolExecutor(THREADS) as pool:
        base = pool.submit(look_at_base)
        uris = list(dict.fromkeys(fields.values()))
        found = dict(zip(uris, pool.map(look, uris), strict=True))
        shape = base.result()

    errors = [
        type(source)(f"{source.where}: {source.message}", where=field)
        for field, uri in fields.items()
        if isinstance(source := found[uri], LingraftError)
    ]
    if isinstance(shape, LingraftError):
        if all(error.where != "spec.base.uri" for error in errors):
            errors.append(shape)
        shape = None
    _raise_all(errors)
    sources = {uri: one for uri, one in found.items() if isinstance(one, Source)}
    return plan(spec, sources, shape)


def base_shape(uri: str) -> Shape:
    """The shape of the checkpoint at a URI.

    Raises:
        UserError: There is no checkpoint of a known family.
    """
    where = "spec.base.uri"
    found = open_store(uri).get("config.json")
    if found is None:
        message = f"no config.json there: give the folder of a Hugging Face checkpoint ({uri})"
        raise UserError(message, where=where)
    try:
        config: Any = json.loads(found[0])
    except ValueError as error:
        message = f"its config.json is no JSON ({error}); write the checkpoint again ({uri})"
        raise UserError(message, where=where) from error
    if not isinstance(config, dict):
        raise UserError(f"its config.json is no JSON object ({uri})", where=where)
    return shape_of_config(config, where=where)


def manifests(planned: Plan) -> dict[str, Manifest]:
    """The manifests of the stages that are done, by name, in the plan's order."""
    store = open_store(planned.store)
    with ThreadPoolExecutor(THREADS) as pool:
        found = pool.map(lambda one: read_manifest(store, one.stage.ref), planned.stages)
        pairs = zip(planned.stages, found, strict=True)
        return {one.name: manifest for one, manifest in pairs if manifest is not None}


def cached_stages(planned: Plan) -> set[str]:
    """Names of the stages that the store has already."""
    return set(manifests(planned))


def _or_error(look: Callable[[], T]) -> T | LingraftError:
    try:
        return look()
    except LingraftError as error:
        return error


def _raise_all(errors: Iterable[LingraftError]) -> None:
    errors = list(errors)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        kind = UserError if all(isinstance(e, UserError) for e in errors) else InfrastructureError
        raise kind("\n".join(map(str, errors)))
