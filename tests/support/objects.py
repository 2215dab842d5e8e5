"""Hypothesis strategies of JSON objects that a pydantic model accepts."""

import math
from collections.abc import Callable
from datetime import UTC
from functools import cache
from typing import Any

from hypothesis import strategies as st
from pydantic import BaseModel

from lingraft.resource.formats import FORMATS, NAMED

Object = dict[str, Any]
Schema = dict[str, Any]


@cache
def objects(model: type[BaseModel]) -> st.SearchStrategy[Object]:
    """JSON objects by alias that fit a model of the resource, its validators included."""
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {}) | {model.__name__: schema}
    return _strategy({"$ref": f"/{model.__name__}"}, definitions)


@st.composite
def disturbed(draw: st.DrawFn, model: type[BaseModel]) -> Object:
    """The same with one field, somewhere, that is missing or may be wrong."""
    made = draw(objects(model))
    owner = draw(st.sampled_from(_owners(made)))
    field = draw(st.sampled_from(sorted(owner)))
    if draw(st.booleans()):
        owner[field] = draw(_ANYTHING)
    else:
        del owner[field]
    return made


_ANYTHING = st.one_of(
    st.integers(-2, 5),
    st.booleans(),
    st.sampled_from([2**31, 2**63, 0.0, 0.5, -1e-9, 1e9]),
    st.sampled_from(["MiniPost", "MiniJoint", "squad", "retrieval", "f1", "macroF1"]),
    st.sampled_from(["", "sw\n", "A b", "x" * 3000, "s3://bucket/key"]),
    st.sampled_from([[], {}, [{}], {"layer": 1}, ["a"], {"uri": "s3://bucket/key"}]),
)


def _owners(value: Any) -> list[Object]:
    """An object and those below it, but for empty ones."""
    found = [value] if isinstance(value, dict) and value else []
    below = value.values() if isinstance(value, dict) else value
    return found + [o for one in below if isinstance(one, dict | list) for o in _owners(one)]


def _strategy(node: Schema, definitions: dict[str, Schema]) -> st.SearchStrategy[Any]:
    if "$ref" in node:
        name = node["$ref"].rsplit("/", 1)[1]
        found = _strategy(definitions[name], definitions)
        return found.map(CONSISTENT[name]) if name in CONSISTENT else found
    if "anyOf" in node:
        return st.one_of(*(_strategy(one, definitions) for one in node["anyOf"]))
    if "const" in node:
        return st.just(node["const"])
    if "enum" in node:
        return st.sampled_from(node["enum"])
    match node["type"]:
        case "object" if "properties" in node:
            fields = {k: _strategy(v, definitions) for k, v in node["properties"].items()}
            must = node.get("required", [])
            return st.fixed_dictionaries(
                {k: v for k, v in fields.items() if k in must},
                optional={k: v for k, v in fields.items() if k not in must},
            )
        case "object":
            values = _strategy(node["additionalProperties"], definitions)
            return st.dictionaries(_TEXT, values, max_size=3)
        case "array":
            least = node.get("minItems", 0)
            return st.lists(_strategy(node["items"], definitions), min_size=least, max_size=3)
        case "integer":
            least = node.get("minimum", node.get("exclusiveMinimum", -(2**63) - 1) + 1)
            most = node.get("maximum", node.get("exclusiveMaximum", 2**63) - 1)
            return st.integers(least, most)
        case "number":
            return _numbers(node)
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
        case _:
            return _strings(node)


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def _numbers(node: Schema) -> st.SearchStrategy[float]:
    return st.floats(
        node.get("minimum", node.get("exclusiveMinimum")),
        node.get("maximum", node.get("exclusiveMaximum")),
        exclude_min="exclusiveMinimum" in node,
        exclude_max="exclusiveMaximum" in node,
        allow_nan=False,
        allow_infinity=False,
    )


def _strings(node: Schema) -> st.SearchStrategy[str]:
    least, most = node.get("minLength", 0), node.get("maxLength", math.inf)
    match node:
        case {"format": "date-time"}:
            return st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.isoformat())
        case {"format": "uri"}:
            return st.sampled_from(["s3://bucket/key", "s3://another/folder/"])
        case {"format": "model-uri"}:
            return st.sampled_from(["s3://bucket/base/", "org/name", "hf://org/name@refs/pr/1"])
        case {"pattern": pattern}:
            fitting = st.from_regex(pattern.replace("$", r"\Z"))
            return fitting.filter(lambda text: least <= len(text) <= most)
        case _:
            return st.text(st.characters(exclude_categories=["Cs"]), min_size=least, max_size=12)


def _publish(one: Object) -> Object:
    return one if one.get("noWorseThan") else {k: v for k, v in one.items() if k != "margin"}


def _one_of(first: str, second: str) -> Callable[[Object], Object]:
    """Exactly one of two: the first where it is given."""

    def consistent(one: Object) -> Object:
        dropped = second if one.get(first) is not None else first
        return {k: v for k, v in one.items() if k != dropped}

    return consistent


def _base(one: Object) -> Object:
    made = _one_of("pretrain", "uri")(one)
    return made if any(made.values()) else {"uri": "s3://bucket/base/"}


def _architecture(one: Object) -> Object:
    return one | {"hiddenSize": 64 * one.setdefault("attentionHeads", 4)}


def _budget(one: Object) -> Object:
    return one if any(one.values()) else {"deviceHours": 1.5}


def _refresh(one: Object) -> Object:
    zone = {"timeZone": "Europe/Berlin"} if one.get("timeZone") else {}
    return one | {"schedule": ["@daily", "*/5 1-3,9 ? JAN 7"][len(one["schedule"]) % 2]} | zone


def _task(one: Object) -> Object:
    form = FORMATS[one["format"]]
    if one.get("columns"):
        one["columns"] = {k: v for k, v in one["columns"].items() if k in form.columns}
    if one["format"] not in NAMED:
        one.pop("labels", None)
    if not form.of_kind.metrics:
        one.pop("gate", None)
    elif one.get("gate"):
        one["gate"]["metric"] = form.of_kind.metrics[0]
    trains = form.of_kind.trains
    if trains == "always" or (trains == "masked" and one.get("dev")):
        return one | {"train": one.get("train") or "s3://bucket/train"}
    left = {"always": (), "masked": (), "never": ("train", "dev")}[trains]
    left += ("sourceTest",) if one["format"] == "retrieval" else ()
    return {k: v for k, v in one.items() if k not in left}


def _trained(one: Object) -> Object:
    """No warm-up as long as the run."""
    if one.get("steps") and one.get("warmupSteps"):
        one["warmupSteps"] %= one["steps"]
    elif one.get("steps") == 0:
        one.pop("warmupSteps", None)
    return one


def _spec(one: Object) -> Object:
    mini = dict(one.get("mini") or {})
    if one.get("method") == "MiniJoint":
        mini.pop("newLayers", None)
        mini.pop("newLayersFrom", None)
    if one.get("method") == "MiniPost" and mini.get("steps") == 0:
        if mini.get("newLayersFrom") != "Top":
            mini.pop("text", None)
    elif one.get("method") == "MiniPost" and not mini.get("text"):
        mini["text"] = {"uri": "s3://bucket/text/"}
    if (one.get("embeddings") or {}).get("init") == "aligned" and not mini.get("text"):
        rest = {k: v for k, v in one["embeddings"].items() if k != "init"}
        one = one | {"embeddings": rest}
    if one.get("method") != "Standard" and one.get("embeddings"):
        one = one | {"embeddings": {**one["embeddings"], "calibrate": False}}
    return one | {"mini": mini, "tasks": _distinct(one, "tasks", "name")}


def _status(one: Object) -> Object:
    return one | {"conditions": _distinct(one, "conditions", "type")}


def _distinct(one: Object, items: str, key: str) -> list[Object]:
    return list({item[key]: item for item in one.get(items, [])}.values())


CONSISTENT: dict[str, Callable[[Object], Object]] = {
    "Architecture": _architecture,
    "Base": _base,
    "Budget": _budget,
    "Embeddings": _trained,
    "LanguageAdaptationSpec": _spec,
    "LanguageAdaptationStatus": _status,
    "Mini": _trained,
    "Pretrain": _trained,
    "Publish": _publish,
    "Refresh": _refresh,
    "Task": _task,
    "Tokenizer": _one_of("train", "uri"),
}
"""By model: what its validators want, made true."""
