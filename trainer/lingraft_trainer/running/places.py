"""Errors in terms of what the user wrote: the paths of copies mean nothing to them."""

from collections.abc import Mapping
from pathlib import Path

from lingraft.stage import StageSpec

TEXT = "text"
"""The input of the stage `corpus` whose errors name files below its folder, or just `corpus`."""


def as_written(where: str, spec: StageSpec, inputs: Mapping[str, Path]) -> str:
    """The place of an error, with a source's URI instead of where its copy lies.

    Args:
        where: As a stage says it.
        spec: The stage, and its sources.
        inputs: Where each of its inputs lies.
    """
    for name, path in inputs.items():
        kind, _, digest = spec.stage.inputs[name].partition("/")
        if kind != "source":
            continue
        uri = spec.sources[digest].uri.removeprefix("file://").rstrip("/")
        if str(path) in where:
            return where.replace(str(path), uri)
        if name == TEXT and where == "corpus":
            return uri
        if name == TEXT and where and not where.startswith(("spec.", uri)):
            return uri + where.removeprefix(path.name) if path.is_file() else f"{uri}/{where}"
    return where
