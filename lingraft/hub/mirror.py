"""A mirror: a folder, mostly on S3, that holds models of the Hub under their names.

    <mirror>/org/name/               what `hf download --local-dir` brings
    <mirror>/org/name@revision/

It is read as every other folder is. Mirrors that speak the Hub's HTTP (`HF_ENDPOINT`) are not.
"""

import os
import shlex
from pathlib import Path

from lingraft.errors import OutsideError, UserError
from lingraft.hub.names import HubModel, model_at
from lingraft.store.uri import parse_uri

VARIABLE = "LINGRAFT_HUB_MIRROR"


def mirror() -> str:
    """URI of the mirror, with a slash at its end; empty where none is set.

    Raises:
        OutsideError: It is no place that can be read.
    """
    given = os.environ.get(VARIABLE, "")
    if not given:
        return ""
    uri = given if "://" in given else Path(given).expanduser().absolute().as_uri()
    try:
        parse_uri(uri)
    except UserError as error:
        raise OutsideError(str(error), where=VARIABLE) from None
    return uri.rstrip("/") + "/"


def mirrored(model: HubModel) -> str | None:
    """URI of a model in the mirror, whether or not it is there; None without a mirror."""
    return f"{home}{model}/" if (home := mirror()) else None


def command_for(uri: str) -> str:
    """What brings a model that the mirror should have; empty where a URI is not of that kind."""
    home = mirror()
    if not home or not uri.startswith(home):
        return ""
    model = model_at(uri.removeprefix(home).rstrip("/"))
    if model is None:
        return ""
    place = parse_uri(uri)
    if isinstance(place, Path):
        return f"{model.download} --local-dir {shlex.quote(str(place))}"
    return model.upload(shlex.quote(uri))
