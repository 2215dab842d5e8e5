"""What `lingraft explain` prints of a field, in kubectl's way."""

import textwrap
from collections.abc import Iterator

from lingraft.crd.fields import Field, find
from lingraft.resource import API_VERSION, KIND

WIDTH = 88


def explain_lines(path: str) -> Iterator[str]:
    """A field and those below it.

    Raises:
        UserError: There is no such field; names the nearest.
    """
    field = find(path)
    yield f"KIND:     {KIND}"
    yield f"VERSION:  {API_VERSION}"
    yield ""
    if field.path:
        yield f"FIELD: {_head(field)}"
        yield ""
    yield "DESCRIPTION:"
    yield from _text(field)
    if field.below:
        yield ""
        yield "FIELDS:"
    for one in field.below:
        yield f"  {_head(one)}"
        yield from _text(one)
        yield ""


def _head(field: Field) -> str:
    must = " -required-" if field.required else ""
    return f"{field.name} <{field.type}>{must}"


def _text(field: Field) -> Iterator[str]:
    parts = [field.meaning]
    if field.bounds:
        parts.append(f"{field.bounds[:1].upper()}{field.bounds[1:]}.")
    if field.default:
        parts.append(f"Default: {field.default}.")
    yield from textwrap.wrap(
        " ".join(parts), WIDTH, initial_indent="    ", subsequent_indent="    "
    )
