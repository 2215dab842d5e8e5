"""The resource's fields as people read of them: path, type, bounds, default, meaning.

Taken from the CRD's schema, so that `lingraft explain`, docs/reference.md and `kubectl explain`
say the same.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from lingraft.crd import resource_schema
from lingraft.errors import UserError

Schema = dict[str, Any]
TOLD = " Default: "
NOT_OURS = "Kubernetes' own."
"""What has no description of ours: `metadata`."""


@dataclass(frozen=True)
class Field:
    """One field.

    Attributes:
        path: Such as spec.mini.steps; of a list's items as if there were one. Empty: the root.
        type: As kubectl writes it: integer, Object, []Object.
        bounds: What values it takes, in a few words; empty where the meaning says it.
        required: Whether it must be set.
        default: What it is when left out, in words; empty where it is nothing, or unknown.
        meaning: One or more sentences.
        schema: Of the field; of a list its items'.
    """

    path: str
    type: str
    bounds: str
    required: bool
    default: str
    meaning: str
    schema: Schema

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition(".")[2]

    @property
    def below(self) -> "list[Field]":
        """The fields of an object."""
        must = self.schema.get("required", ())
        start = f"{self.path}." if self.path else ""
        return [
            _field(start + name, schema, required=name in must)
            for name, schema in self.schema.get("properties", {}).items()
        ]


def root() -> Field:
    """The resource itself."""
    return _field("", resource_schema(), required=True)


def walk(field: Field) -> Iterator[Field]:
    """All fields below one, each before those below it."""
    for one in field.below:
        yield one
        yield from walk(one)


def find(path: str) -> Field:
    """The field at a path such as spec.tasks[0].gate; indexes may be left out.

    Raises:
        UserError: There is none; names the nearest.
    """
    plain = re.sub(r"\[[^]]*\]", "", path).strip(".")
    fields = {field.path: field for field in (root(), *walk(root()))}
    if plain in fields:
        return fields[plain]
    near = _nearest(plain, list(fields))
    hint = f"; did you mean {near}?" if near else "; lingraft explain lists them"
    raise UserError(f"there is no such field{hint}", where=path)


def _nearest(path: str, paths: list[str]) -> str:
    """The path that was meant: as a whole, or by its end."""
    ending = [one for one in paths if one.lower().endswith(f".{path.lower()}")]
    if ending:
        return min(ending, key=len)
    if close := get_close_matches(path, paths, n=1, cutoff=0.75):
        return close[0]
    names = {one.rpartition(".")[2]: one for one in sorted(paths, key=len, reverse=True)}
    close = get_close_matches(path.rpartition(".")[2], list(names), n=1, cutoff=0.75)
    return names[close[0]] if close else ""


def _field(path: str, schema: Schema, *, required: bool) -> Field:
    meaning, _, default = schema.get("description", NOT_OURS).partition(TOLD)
    kind, inner = schema["type"], schema
    if kind == "array":
        inner = schema["items"]
    name = "Object" if inner["type"] == "object" else inner["type"]
    if "additionalProperties" in inner:
        name = f"map[string]{inner['additionalProperties']['type']}"
    return Field(
        path=path,
        type=f"[]{name}" if kind == "array" else name,
        bounds=_bounds(schema),
        required=required,
        default=default.removesuffix("."),
        meaning=meaning,
        schema=inner,
    )


def _bounds(schema: Schema) -> str:
    if "enum" in schema:
        return "one of " + ", ".join(str(one) for one in schema["enum"])
    least, most = schema.get("minimum"), schema.get("maximum")
    low = "" if least is None else f"above {least:,}" if schema.get("exclusiveMinimum") else ""
    low = low or ("" if least is None else f"at least {least:,}")
    high = "" if most is None else f"below {most:,}" if schema.get("exclusiveMaximum") else ""
    high = high or ("" if most is None else f"at most {most:,}")
    return ", ".join(part for part in (low, high) if part)
