"""Where the things are that a resource names: what people write becomes URIs that can be read.

On one machine a path is relative to the file, and a model of the Hub lies in its local cache. On a
cluster there are neither. A mirror of the Hub is the same on both.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from lingraft.errors import OutsideError, UserError
from lingraft.hub.cache import hub_cache, namesakes, snapshot
from lingraft.hub.mirror import mirrored
from lingraft.hub.names import SCHEME, SPELLED, HubModel, data_refused, model_at

Location = tuple[str | int, ...]
Place = Callable[[Location, str], str]
"""From a field below `spec` and what is written there to a URI."""

URI_FIELDS = ("uri", "train", "dev", "test", "sourceTest")
BASE: Location = ("base", "uri")
MODELS: tuple[Location, ...] = (
    BASE,
    ("tokenizer", "uri"),
    ("base", "pretrain", "tokenizer", "uri"),
)
"""Fields that name a model, or its tokenizer, and may name one of the Hub."""
STORE: Location = ("store", "uri")


def in_namespace(uri: str, namespace: str) -> str:
    """A store's URI, or a prefix of such, with the namespace for `{namespace}`."""
    return uri.replace("{namespace}", namespace)


def placed(
    spec: dict[str, Any], place: Place
) -> tuple[dict[str, Any], list[tuple[Location, UserError]]]:
    """A spec by alias with its URIs replaced, and what is wrong with those that are as they were.

    Args:
        spec: As the user wrote it.
        place: Says where something is.
    """
    faults: list[tuple[Location, UserError]] = []

    def walk(value: Any, at: Location) -> Any:
        if isinstance(value, dict):
            return {k: walk(v, (*at, k)) for k, v in cast(dict[str, Any], value).items()}
        if isinstance(value, list):
            return [walk(v, (*at, i)) for i, v in enumerate(cast(list[Any], value))]
        if at[-1] not in URI_FIELDS or not isinstance(value, str):
            return value
        try:
            return place(at, value)
        except UserError as error:
            faults.append((at, error))
            return value

    return walk(spec, ()), faults


def on_this_machine(folder: Path) -> Place:
    """Paths below the folder of the resource's file; models of the Hub in a mirror or its cache."""

    def place(field: Location, written: str) -> str:
        if field not in MODELS:
            _refuse_hub(field, written, on_cluster=False)
            return absolute_uri(written, folder)
        model = model_at(written)
        # As transformers has it, a folder of that name is meant where there is one.
        if model is None or _exists(folder, written):
            return absolute_uri(written, folder)
        return mirrored(model) or _cached(model, written, weights=field == BASE)

    return place


def on_cluster(field: Location, written: str) -> str:
    """URIs as they are; models of the Hub in the mirror.

    Raises:
        OutsideError: There is no mirror.
        UserError: It is no model.
    """
    if field not in MODELS:
        _refuse_hub(field, written, on_cluster=True)
        return written
    model = model_at(written)
    if model is None and "://" in written:
        return written
    if model is None:
        raise UserError(f"{written} is no model of the Hub; write s3://bucket/key, or {SPELLED}")
    if (uri := mirrored(model)) is not None:
        return uri
    raise OutsideError(
        f"{model} is on the Hugging Face Hub, which lingraft does not reach, and the operator has "
        f"no mirror of it (the chart's hubMirror); bring it with: {model.upload()} and write that "
        "URI"
    )


def absolute_uri(value: str, folder: Path) -> str:
    """`s3://` URIs and absolute `file:///` ones as they are, anything else below `folder`."""
    if "://" in value:
        return value
    path = value.removeprefix("file:")
    return (folder / path).resolve().as_uri() + ("/" if path.endswith("/") else "")


def _exists(folder: Path, written: str) -> bool:
    return not written.startswith(SCHEME) and (folder / written).exists()


def _cached(model: HubModel, written: str, *, weights: bool) -> str:
    cache = hub_cache()
    if (found := snapshot(model, cache, weights=weights)) is not None:
        return found.as_uri() + "/"
    others = namesakes(model, cache)
    neither = "" if written.startswith(SCHEME) else "neither beside this file nor "
    no = "" if neither else "not "
    raise UserError(
        f"{model} is {no}{neither}in the local Hub cache ({cache}), and lingraft fetches nothing; "
        f"bring it with: {model.download}"
        + (f", or write {others[0]}, which is there" if others else "")
    )


def _refuse_hub(field: Location, written: str, *, on_cluster: bool) -> None:
    """Refuse a URI of the Hub where data or artifacts are meant."""
    if not written.startswith(SCHEME):
        return
    if field == STORE:
        local = "" if on_cluster else ", or a folder"
        raise UserError(f"artifacts are not kept on the Hub; write s3://bucket/{local}")
    raise data_refused(written, on_cluster=on_cluster)
