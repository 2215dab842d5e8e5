"""From a pydantic model to a structural schema, as CustomResourceDefinitions want it.

OpenAPI 3.0 with less: no references, no `anyOf` with null, booleans for exclusive bounds.
A default is told in the description and not set: what the API server writes into an object is
frozen there, and Git's copy would differ from it.
"""

from typing import Any

from pydantic import BaseModel

from lingraft.crd.rules import RULES, S3_ONLY, S3_OR_HUB

Schema = dict[str, Any]

KEPT = ("type", "format", "enum", "pattern", "minLength", "maxLength", "minItems", "maxItems")
LIST_KEYS = {"Condition": "type", "Task": "name"}
"""Models whose lists are maps by a field: unique, and merged by it. Other lists are replaced."""
ATOMIC = {"PinnedPlan"}
"""Models that are replaced as a whole, never merged field by field."""
URIS = {"uri": S3_ONLY, "model-uri": S3_OR_HUB}
"""JSON Schema's format of the fields that hold a URI (see `lingraft.resource.fields`)."""


def structural(model: type[BaseModel], *, defaults: bool) -> Schema:
    """The structural schema of a model.

    Args:
        model: What to describe, by alias.
        defaults: Whether descriptions tell the defaults: yes for what a user writes.
    """
    schema = model.model_json_schema(by_alias=True)
    definitions = schema.pop("$defs", {}) | {model.__name__: schema}
    return _Converter(definitions, defaults).convert({"$ref": f"#/$defs/{model.__name__}"})


class _Converter:
    def __init__(self, definitions: dict[str, Schema], defaults: bool) -> None:
        self._definitions = definitions
        self._defaults = defaults
        self._rules = {model.__name__: found for model, found in RULES.items()}

    def convert(self, given: Schema) -> Schema:
        """One node, with all that is below it."""
        name, node = self._resolved(given)
        schema: Schema = {key: node[key] for key in KEPT if key in node}
        if "const" in node and node["type"] == "string":  # a Literal of one
            schema["enum"] = [node["const"]]
        if description := self._description(node):
            schema["description"] = description
        rules = self._rules.get(name, [])
        match node["type"]:
            case "integer":
                schema |= _integer_bounds(node)
            case "number":
                schema |= _number_bounds(node)
            case "object" if "properties" in node:
                below = node["properties"].items()
                schema["properties"] = {key: self.convert(one) for key, one in below}
                if "required" in node:
                    schema["required"] = list(node["required"])
                if name in ATOMIC:
                    schema["x-kubernetes-map-type"] = "atomic"
            case "object":
                schema["additionalProperties"] = self.convert(node["additionalProperties"])
                schema["x-kubernetes-map-type"] = "atomic"
            case "array":
                schema["items"] = self.convert(node["items"])
                schema |= _list_type(self._resolved(node["items"])[0])
            case _ if node.get("format") in URIS:
                del schema["format"]  # the API server's own idea of a URI is not ours
                rules = [URIS[node["format"]]]
            case _:
                pass
        if rules:
            schema["x-kubernetes-validations"] = [rule.to_json() for rule in rules]
        return schema

    def _resolved(self, node: Schema) -> tuple[str, Schema]:
        """Name of the model, and the node without reference and null; what is nearer wins."""
        if "$ref" in node:
            name = node["$ref"].rsplit("/", 1)[1]
            return name, self._definitions[name] | node
        if "anyOf" in node:
            (one,) = (part for part in node["anyOf"] if part != {"type": "null"})
            name, inner = self._resolved(one)
            return name, inner | {k: v for k, v in node.items() if k != "anyOf"}
        return "", node

    def _description(self, node: Schema) -> str:
        text = " ".join(node.get("description", "").split())
        default = node.get("default")
        if not self._defaults or default in (None, ""):
            return text
        return f"{text} Default: {_shown(default)}."


def _shown(default: object) -> str:
    match default:
        case bool():
            return "true" if default else "false"
        case float():
            return f"{default:g}"
        case _:
            return str(default)


def _integer_bounds(node: Schema) -> Schema:
    """Both bounds inclusive, and the width that holds them."""
    least = node["exclusiveMinimum"] + 1 if "exclusiveMinimum" in node else node.get("minimum")
    most = node["exclusiveMaximum"] - 1 if "exclusiveMaximum" in node else node.get("maximum")
    found: Schema = {"format": "int32" if most is not None and most < 2**31 else "int64"}
    if least is not None:
        found["minimum"] = least
    if most is not None:
        found["maximum"] = most
    return found


def _number_bounds(node: Schema) -> Schema:
    found: Schema = {"format": "double"}
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if exclusive in node:
            found |= {bound: node[exclusive], exclusive: True}
        elif bound in node:
            found[bound] = node[bound]
    return found


def _list_type(item: str) -> Schema:
    if item not in LIST_KEYS:
        return {"x-kubernetes-list-type": "atomic"}
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [LIST_KEYS[item]]}
