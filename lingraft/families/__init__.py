"""The families that are known: every module of this package that holds a `FAMILY`."""

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

from lingraft.errors import UserError
from lingraft.families.base import Family, Head, Layer, Objective, Sizes

__all__ = ["FAMILIES", "Family", "Head", "Layer", "Objective", "Sizes", "family_of"]


def _found() -> dict[str, Family]:
    modules = sorted(one.name for one in iter_modules(__path__))
    found = (getattr(import_module(f"{__name__}.{name}"), "FAMILY", None) for name in modules)
    return {one.model_type: one for one in found if isinstance(one, Family)}


FAMILIES: Mapping[str, Family] = MappingProxyType(_found())
"""By transformers' model type."""


def family_of(model_type: str, *, where: str = "spec.base.uri") -> Family:
    """The family of a model type.

    Raises:
        UserError: The family is not supported.
    """
    try:
        return FAMILIES[model_type]
    except KeyError:
        raise UserError(
            f"model type {model_type!r} is not supported; give a checkpoint of one of "
            f"{', '.join(FAMILIES)}",
            where=where,
        ) from None
