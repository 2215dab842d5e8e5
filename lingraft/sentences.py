"""pydantic's validation errors as plain sentences for whoever wrote the file. Pure."""

import difflib
import re
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from lingraft.resource import LanguageAdaptation

Loc = tuple[int | str, ...]

_PATTERNS = {
    "language": "a language tag (BCP 47), such as sw or pt-BR",
    "name": "a name: lower-case letters, digits and hyphens, a letter or digit at both ends",
}


def field_name(loc: Loc) -> str:
    """`("spec", "tasks", 0, "test")` as people write it: `spec.tasks[0].test`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return text.removeprefix(".")


def field_loc(name: str) -> Loc:
    """The inverse of `field_name`."""
    parts = re.findall(r"\[(\d+)\]|([^.\[\]]+)", name)
    return tuple(int(index) if index else key for index, key in parts)


def sentence(error: ErrorDetails) -> str:
    """One sentence: what is wrong with the field, and what to write instead."""
    given, context = shown(error["input"]), error.get("ctx", {})
    match error["type"]:
        case "missing":
            return f"is missing{_meaning(error['loc'])}"
        case "extra_forbidden":
            return _unknown(error["loc"])
        case "literal_error":
            return _literal(error["input"], str(context["expected"]))
        case "string_pattern_mismatch":
            expected = _PATTERNS.get(str(error["loc"][-1]), f"text like {context['pattern']}")
            return f"is {given}; it must be {expected}"
        case "string_type":
            return _no_text(error["input"])
        case "int_parsing" | "int_type" | "int_from_float":
            return f"is {given}; it must be a whole number"
        case "float_parsing" | "float_type" | "finite_number":
            return f"is {given}; it must be a number"
        case "bool_parsing" | "bool_type":
            return f"is {given}; it must be true or false"
        case "greater_than" | "greater_than_equal" | "less_than" | "less_than_equal" as kind:
            return f"is {given}; it must be {_bound(kind, context)}"
        case "string_too_short":
            return "is empty"
        case "string_too_long" | "too_long":
            return f"is too long: at most {context['max_length']}"
        case "model_type" | "dict_type" | "model_attributes_type":
            return f"is {given}; it must be a mapping of fields to values"
        case "list_type":
            return f"is {given}; it must be a list"
        case "value_error":
            return str(context["error"])
        case _:
            message = error["msg"]
            return message[:1].lower() + message[1:]


def shown(value: object) -> str:
    """A value in a message: short, and as YAML has it."""
    if value is None or value == "":
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _no_text(value: object) -> str:
    if isinstance(value, bool):
        word = "no" if value is False else "yes"
        return f"is {shown(value)} to YAML, which reads a bare {word} so; write it in quotes"
    if value is None:
        return "is empty; it must be text"
    if isinstance(value, Mapping | list):
        return f"is {shown(value)}; it must be text"
    return f"is {shown(value)}; it must be text: write it in quotes"


def _bound(kind: str, context: Mapping[str, Any]) -> str:
    words = {
        "greater_than": ("gt", "more than"),
        "greater_than_equal": ("ge", "at least"),
        "less_than": ("lt", "less than"),
        "less_than_equal": ("le", "at most"),
    }
    key, text = words[kind]
    return f"{text} {context[key]:g}"


def _literal(given: object, expected: str) -> str:
    choices = re.findall(r"'([^']*)'", expected)
    listed = ", ".join(choices[:-1]) + " or " + choices[-1] if len(choices) > 1 else choices[0]
    return f"is {shown(given)}; it must be {listed}{_did_you_mean(str(given), choices)}"


def _did_you_mean(given: str, choices: list[str]) -> str:
    by_lower = {choice.lower(): choice for choice in choices}
    close = difflib.get_close_matches(given.lower().replace("_", ""), by_lower, n=1)
    return f" (did you mean {by_lower[close[0]]}?)" if close else ""


def _unknown(loc: Loc) -> str:
    model = _model_at(loc[:-1])
    known = [f.alias or name for name, f in model.model_fields.items()] if model else []
    hint = _did_you_mean(str(loc[-1]), known)
    return f"is no field{hint or '; known here: ' + ', '.join(known) if known else ''}"


def _meaning(loc: Loc) -> str:
    """The field's description, as what to write there."""
    model = _model_at(loc[:-1])
    fields = model.model_fields.values() if model else ()
    text = next((f.description for f in fields if f.alias == loc[-1] and f.description), None)
    return f": {text.rstrip('.')}" if text else "; it is required"


def _model_at(loc: Loc) -> type[BaseModel] | None:
    """The resource's model that stands at a place; None where there is none."""
    model: type[BaseModel] | None = LanguageAdaptation
    for part in loc:
        if isinstance(part, int):
            continue
        fields: dict[str, Any] = {}
        if model is not None:
            fields = {f.alias or name: f.annotation for name, f in model.model_fields.items()}
        model = _model_in(fields.get(part))
    return model


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_in(argument) for argument in get_args(annotation))
    return next((model for model in found if model is not None), None)
