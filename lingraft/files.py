"""Resource files: YAML to models, every mistake at once with its line."""

import difflib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

import yaml
from pydantic import BaseModel, ValidationError

from lingraft.errors import LingraftError, UserError
from lingraft.places import Location, in_namespace, on_this_machine, placed
from lingraft.resource import KIND, LanguageAdaptation

Fault = tuple[Location, LingraftError]
"""A field, and what is wrong with what it names."""


@dataclass(frozen=True)
class Mistake:
    """One thing that is wrong with a file."""

    file: Path
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.field}: {self.message}"


class BadFileError(UserError):
    """All mistakes of a file, a line each."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = mistakes


def load_resource(
    file: Path, check: Callable[[LanguageAdaptation], list[Fault]] = lambda resource: []
) -> LanguageAdaptation:
    """The one LanguageAdaptation of a file, local paths made absolute.

    Args:
        file: The YAML.
        check: What else may be wrong with a resource that is well-formed.

    Raises:
        BadFileError: Everything that is wrong with it.
    """
    resources = load_resources(file, check)
    if len(resources) != 1:
        found = f"the file holds {len(resources)} resources; give one with a single resource"
        raise BadFileError([Mistake(file, 1, "kind", found)])
    return resources[0]


def load_resources(
    file: Path, check: Callable[[LanguageAdaptation], list[Fault]] = lambda resource: []
) -> list[LanguageAdaptation]:
    """Every LanguageAdaptation of a file (`---` between them).

    Args:
        file: The YAML.
        check: What else may be wrong with a resource that is well-formed.

    Raises:
        BadFileError: Everything that is wrong with any of them.
    """
    try:
        text = file.read_text(encoding="utf-8")
        # Any: its stubs leave the loader out.
        composed: Iterator[yaml.Node | None] = cast(Any, yaml).compose_all(text, yaml.SafeLoader)
        nodes = [node for node in composed if node is not None]
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise BadFileError([Mistake(file, 1, "file", f"cannot be read: {reason}")]) from error
    except yaml.YAMLError as error:
        raise BadFileError([_broken(file, error)]) from error
    except RecursionError as error:
        raise BadFileError([Mistake(file, 1, "yaml", "is nested too deeply")]) from error
    mistakes: list[Mistake] = []
    resources: list[LanguageAdaptation] = []
    for node in nodes:
        found = _parse(file, node)
        if isinstance(found, LanguageAdaptation):
            resource, faults = _placed(found, file.absolute().parent)
            resources.append(resource)
            told = [
                Mistake(file, _line(node, where), dotted(where), str(error))
                for where, error in [*faults, *check(resource)]
            ]
            mistakes += sorted(told, key=lambda mistake: mistake.line)
        else:
            mistakes += found
    if not nodes:
        mistakes.append(Mistake(file, 1, "file", f"is empty; write a {KIND} into it"))
    if mistakes:
        raise BadFileError(mistakes)
    return resources


def _parse(file: Path, node: yaml.Node) -> LanguageAdaptation | list[Mistake]:
    loader: Any = yaml.SafeLoader("")
    try:
        document: Any = loader.construct_document(node)
        repeated = [
            Mistake(file, line, name, "is given twice; YAML would keep only the last one")
            for name, line in _repeated(node)
        ]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return [_broken(file, error)]
    kind = cast(dict[str, Any], document).get("kind") if isinstance(document, dict) else None
    if kind != KIND:
        message = f"is {kind!r}; this command reads resources of kind {KIND}"
        return [Mistake(file, _line(node, ("kind",)), "kind", message)]
    try:
        # By alias only: snake_case would pass here and fail on a cluster.
        resource = LanguageAdaptation.model_validate(document, by_alias=True, by_name=False)
    except ValidationError as error:
        found = [
            Mistake(file, _line(node, one["loc"]), dotted(one["loc"]), _sentence(one))
            for one in error.errors()
        ]
        return sorted(repeated + found, key=lambda mistake: mistake.line)
    return repeated or resource


def _placed(resource: LanguageAdaptation, folder: Path) -> tuple[LanguageAdaptation, list[Fault]]:
    """The resource with a URI for everything that it names; what is nowhere is a fault."""
    content = resource.model_dump(by_alias=True, exclude_unset=True)
    if store := content["spec"].get("store"):
        store["uri"] = in_namespace(store["uri"], resource.metadata.namespace)
    spec, faults = placed(content["spec"], on_this_machine(folder))
    found = LanguageAdaptation.model_validate(content | {"spec": spec})
    return found, [(("spec", *where), error) for where, error in faults]


def _broken(file: Path, error: Exception) -> Mistake:
    """What YAML itself objects to."""
    mark: Any = getattr(error, "problem_mark", None)
    why = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    return Mistake(file, mark.line + 1 if mark else 1, "yaml", str(why))


def _repeated(node: yaml.Node) -> list[tuple[str, int]]:
    """Keys that stand twice in one mapping, with the second one's line."""
    children: list[yaml.Node] = []
    found: list[tuple[str, int]] = []
    if isinstance(node, yaml.MappingNode):
        pairs = cast(list[tuple[yaml.Node, yaml.Node]], node.value)
        seen: Counter[str] = Counter()
        for key, value in pairs:
            seen[str(key.value)] += 1
            if seen[str(key.value)] == 2:
                found.append((str(key.value), key.start_mark.line + 1))
            children.append(value)
    elif isinstance(node, yaml.SequenceNode):
        children = cast(list[yaml.Node], node.value)
    return found + [one for child in children for one in _repeated(child)]


def _line(node: yaml.Node, location: Location) -> int:
    """The line of a field; where it is missing, of the nearest thing around it."""
    line: int = node.start_mark.line + 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            pairs = cast(list[tuple[yaml.Node, yaml.Node]], node.value)
            entry = next(((k, v) for k, v in pairs if k.value == str(part)), None)
            if entry is None:
                return line
            line, node = entry[0].start_mark.line + 1, entry[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            items = cast(list[yaml.Node], node.value)
            if part >= len(items):
                return line
            node = items[part]
            line = node.start_mark.line + 1
    return line


def dotted(location: Location) -> str:
    """A field as people write it: `spec.tasks[0].test`."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "spec"


def _sentence(error: Any) -> str:
    """Pydantic's message as a sentence for people who have never heard of it."""
    kind, context, value = error["type"], error.get("ctx", {}), error["input"]
    match kind:
        case "missing":
            return "is missing; set it"
        case "extra_forbidden":
            name = str(error["loc"][-1])
            near = difflib.get_close_matches(name, _fields_at(error["loc"][:-1]), n=1)
            return "there is no such field" + (f"; did you mean {near[0]}?" if near else "")
        case "literal_error":
            return f"is {value!r}; choose one of {context['expected']}"
        case "value_error":
            return str(context["error"])
        case "string_pattern_mismatch":
            return f"{value!r} does not have the form {context['pattern']}"
        case "string_type" if isinstance(value, bool | int | float):
            return f"YAML reads this as {value}; put it in quotes"  # Norwegian is `no`
        case _:
            message: str = error["msg"]
            return f"is {value!r}: {message[:1].lower()}{message[1:]}"


def _fields_at(location: Location) -> list[str]:
    """Names of the fields that may stand at a place."""
    model: type[BaseModel] = LanguageAdaptation
    for part in location:
        if isinstance(part, int):
            continue
        fields = model.model_fields.items()
        annotation = next((f.annotation for n, f in fields if part in (n, f.alias)), None)
        inside = _models(annotation)
        if not inside:
            return []
        model = inside[0]
    return [field.alias or name for name, field in model.model_fields.items()]


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]
