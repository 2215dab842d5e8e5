"""Labels that the `datasets` library keeps as numbers of names (ClassLabel), by their names."""

import json
from collections.abc import Callable, Mapping
from typing import Any, cast

MOST_METADATA = 16 << 20
"""Bytes of what `datasets` says of the columns."""
_LISTS = ("Sequence", "List", "LargeList")

Named = Callable[[Any], Any]
"""A column's value with the names of labels in place of their numbers."""


class ClassName(str):
    """The name of a label, which is never taken for a number, with the number that it has.

    A number below 0 stands for no label; then it is its own name.
    """

    number: int

    @classmethod
    def of(cls, name: str, number: int) -> "ClassName":
        """A name and its number."""
        made = cls(name)
        made.number = number
        return made


def labels_of_columns(metadata: Mapping[bytes, bytes]) -> dict[str, Named]:
    """How to name the labels in each column that has any.

    Args:
        metadata: A schema's; under `huggingface` stand the `Features` of a data set as JSON.
    """
    told = metadata.get(b"huggingface", b"")
    if not told or len(told) > MOST_METADATA:
        return {}
    try:
        features = json.loads(told)["info"]["features"]
        return _fields(features)
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}


def _fields(features: Any) -> dict[str, Named]:
    """By field, for those that have labels."""
    if not isinstance(features, dict):
        return {}
    found = {name: _named(one) for name, one in cast(dict[str, Any], features).items()}
    return {name: one for name, one in found.items() if one is not None}


def _named(feature: Any) -> Named | None:
    """What names the labels of one feature, however deep they lie."""
    if isinstance(feature, list):  # how older versions write a list
        items = cast(list[Any], feature)
        return _each(items[0]) if len(items) == 1 else None
    if not isinstance(feature, dict):
        return None
    told = cast(dict[str, Any], feature)
    kind, names = told.get("_type"), told.get("names")
    if kind in _LISTS:
        return _each(told.get("feature"))
    if kind == "ClassLabel":
        return _of_class(cast(list[Any], names)) if isinstance(names, list) else None
    return None if isinstance(kind, str) else _of_fields(told)


def _of_class(names: list[Any]) -> Named:
    def name_of(value: Any) -> Any:
        if not isinstance(value, int) or isinstance(value, bool) or value >= len(names):
            return value
        return ClassName.of(str(names[value]) if value >= 0 else str(value), value)

    return name_of


def _of_fields(features: dict[str, Any]) -> Named | None:
    fields = _fields(features)
    if not fields:
        return None

    def with_names(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        given = cast(dict[str, Any], value)
        return {name: fields[name](one) if name in fields else one for name, one in given.items()}

    return with_names


def _each(feature: Any) -> Named | None:
    """Of a list; one of objects may be kept as an object of lists."""
    one = _named(feature)
    if one is None:
        return None
    told = cast(dict[str, Any], feature) if isinstance(feature, dict) else {}
    is_object = not isinstance(told.get("_type"), str)
    of_lists = _of_fields({name: [part] for name, part in told.items()} if is_object else {})

    def names_of(values: Any) -> Any:
        if isinstance(values, list):
            return [one(value) for value in cast(list[Any], values)]
        return of_lists(values) if of_lists else values

    return names_of
