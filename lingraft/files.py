"""Resource files: YAML with every error on its line, and people's relative paths made absolute."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml
from pydantic import ValidationError

from lingraft import plan
from lingraft.errors import UserError
from lingraft.resource import API_VERSION, KIND, LanguageAdaptation
from lingraft.sentences import Loc, field_loc, field_name, sentence, shown
from lingraft.stage import Source
from lingraft.store.uri import parse_uri

_URI_FIELDS = {"uri", "train", "dev", "test", "sourceTest"}
# Stand in for spec fields that are wrong, so that what is wrong between the others shows too.
_STAND_INS: dict[str, object] = {
    "language": "xx",
    "base": {"uri": "file:///x"},
    "mini": {"text": {"uri": "file:///x"}},
    "corpus": {"uri": "file:///x"},
    "store": {"uri": "file:///x"},
}


@dataclass(frozen=True)
class Problem:
    """Something wrong in a resource file."""

    file: str
    line: int | None
    field: str
    message: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.field}: {self.message}" if self.field else f"{place}: {self.message}"


class ResourceFileError(UserError):
    """A resource file that cannot be used; its message has a line for every problem."""

    def __init__(self, message: str, *, where: str = "") -> None:
        super().__init__(message, where=where)


@dataclass(frozen=True)
class Document:
    """One YAML document: its data, and where in the file each part stands."""

    file: str
    node: yaml.Node
    data: Any

    def line(self, loc: Loc) -> int:
        """The line (from 1) of a field, or of the nearest part above it that is there."""
        line, node = self.node.start_mark.line, self.node
        for part in loc:
            found = _child(node, part)
            if found is None:
                break
            line, node = found
        return line + 1

    def has(self, loc: Loc) -> bool:
        """Whether the file has this field."""
        node: yaml.Node = self.node
        for part in loc:
            found = _child(node, part)
            if found is None:
                return False
            node = found[1]
        return True

    def problem(self, loc: Loc, message: str) -> Problem:
        """A problem with a field of this document."""
        return Problem(self.file, self.line(loc), field_name(loc), message)


@dataclass(frozen=True)
class Loaded:
    """A resource, and the document it was read from."""

    document: Document
    resource: LanguageAdaptation


def load_resource(path: Path | str) -> LanguageAdaptation:
    """The one resource of a file, its relative paths resolved against the file's folder.

    Raises:
        ResourceFileError: Anything is wrong with the file: all of it, a line for each.
    """
    return load_one(path).resource


def load_one(path: Path | str) -> Loaded:
    """Like `load_resource`, with the document that tells the lines."""
    loaded, problems = check_file(path)
    if not problems and len(loaded) > 1:
        names = ", ".join(one.resource.metadata.name for one in loaded)
        problems = [
            Problem(
                str(path),
                None,
                "",
                f"has {len(loaded)} resources ({names}), and this command takes one: split the file",
            )
        ]
    if problems:
        raise ResourceFileError("\n".join(map(str, problems)))
    return loaded[0]


def check_file(path: Path | str) -> tuple[list[Loaded], list[Problem]]:
    """The valid resources of a file, and everything that is wrong in it."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        return [], [Problem(str(path), None, "", f"is not UTF-8 text (byte {error.start})")]
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return [], [Problem(str(path), None, "", f"cannot be read: {reason}")]
    return check_text(text, str(path))


def check_text(text: str, file: str) -> tuple[list[Loaded], list[Problem]]:
    """`check_file` for text that stands (or could stand) in `file`. Reads nothing."""
    loaded: list[Loaded] = []
    problems: list[Problem] = []
    documents = 0
    try:
        for document in _documents(text, file):
            documents += 1
            found = _check_document(document)
            if isinstance(found, Loaded):
                loaded.append(found)
            else:
                problems += found
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = " ".join(filter(None, (error.context, error.problem)))
        problems.append(Problem(file, mark.line + 1 if mark else None, "", f"is no YAML: {reason}"))
        return loaded, problems
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problems.append(Problem(file, None, "", f"is no YAML: {' '.join(str(error).split())}"))
        return loaded, problems
    if not documents:
        problems.append(Problem(file, None, "", f"is empty: write a {KIND} resource"))
    return loaded, problems


def _documents(text: str, file: str) -> Iterator[Document]:
    loader = yaml.SafeLoader(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            data = loader.construct_document(node)
            if data is not None:
                yield Document(file, node, data)
    finally:
        loader.dispose()


def _child(node: yaml.Node, part: int | str) -> tuple[int, yaml.Node] | None:
    """The line (from 0) and the node of a mapping's field or a sequence's item."""
    if isinstance(node, yaml.SequenceNode):
        if isinstance(part, int) and part < len(node.value):
            item: yaml.Node = node.value[part]
            return item.start_mark.line, item
    elif isinstance(node, yaml.MappingNode):
        # The last of equal keys is the one whose value was taken.
        for key, value in reversed(node.value):
            if isinstance(key, yaml.ScalarNode) and key.value == str(part):
                return key.start_mark.line, value
    return None


def _check_document(document: Document) -> Loaded | list[Problem]:
    data = document.data
    if not isinstance(data, dict):
        return [document.problem((), f"is {shown(data)}; a resource is a mapping of fields")]
    kind, version = data.get("kind"), data.get("apiVersion")
    if "kind" in data and (kind != KIND or (version != API_VERSION and version is not None)):
        name = f"{kind} ({version})" if version != API_VERSION else str(kind)
        message = f"{name} is another kind of resource; this command reads {KIND} ({API_VERSION})"
        return [document.problem(("kind",), f"{message} only: keep others in files of their own")]
    problems = list(_duplicates(document))
    try:
        resource = _validated(data)
    except ValidationError as error:
        return problems + [*_problems(document, error), *_hidden_problems(document, error)]
    absolute = _absolute(resource, Path(document.file).parent)
    problems += [] if problems else _check_uris(document, absolute)
    problems += [] if problems else _check_plan(document, absolute)
    return problems or Loaded(document, absolute)


def _validated(data: object) -> LanguageAdaptation:
    # By alias only: Kubernetes knows no other names.
    return LanguageAdaptation.model_validate(data, by_alias=True, by_name=False)


def _problems(document: Document, error: ValidationError) -> Iterator[Problem]:
    for one in error.errors(include_url=False):
        loc, message = one["loc"], sentence(one)
        if one["type"] == "value_error":
            # A model's own rule names the fields that it is about: point at the first.
            words = (field_loc(word) for word in re.findall(r"[A-Za-z][\w.]*\w", message))
            loc += next((word for word in words if document.has(loc + word)), ())
        yield document.problem(loc, message)


def _hidden_problems(document: Document, error: ValidationError) -> Iterator[Problem]:
    """What the spec's own rules say: pydantic asks them only if every field is valid."""
    spec: object = document.data.get("spec")
    locs = [one["loc"] for one in error.errors(include_url=False)]
    if not isinstance(spec, dict) or ("spec",) in locs or ("spec", "method") in locs:
        return
    healed: dict[object, object] = dict(spec)
    for loc in locs:
        if len(loc) > 1 and loc[0] == "spec":
            healed.pop(loc[1], None)
            if loc[1] in _STAND_INS:
                healed[loc[1]] = _STAND_INS[str(loc[1])]
    whole = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "metadata": {"name": "x"},
        "spec": healed,
    }
    try:
        _validated(whole)
    except ValidationError as hidden:
        yield from _problems(document, hidden)


def _duplicates(document: Document) -> Iterator[Problem]:
    """Fields given twice: YAML takes the last without a word."""
    seen: set[int] = set()
    waiting: list[tuple[Loc, yaml.Node]] = [((), document.node)]
    while waiting:
        loc, node = waiting.pop()
        if id(node) in seen:
            continue  # an alias
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += [((*loc, i), item) for i, item in enumerate(node.value)]
        elif isinstance(node, yaml.MappingNode):
            lines: dict[str, int] = {}
            merged = {id(key) for key, _ in node.value if key.tag == "tag:yaml.org,2002:merge"}
            for key, value in node.value:
                name, line = str(key.value), key.start_mark.line + 1
                if name in lines and id(key) not in merged and line > lines[name]:
                    message = f"is given twice (first in line {lines[name]})"
                    field = field_name((*loc, name))
                    yield Problem(document.file, line, field, message)
                lines.setdefault(name, line)
                waiting.append(((*loc, name), value))


def absolute_uri(uri: str, folder: Path) -> str:
    """A path relative to `folder` (`file:./x`, `file:x`, `x`) as `file:///...`; others as is."""
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", uri):
        return uri
    path = unquote(uri.removeprefix("file:")) if uri.startswith("file:") else uri
    return Path(os.path.abspath(folder / path)).as_uri()


def _absolute(resource: LanguageAdaptation, folder: Path) -> LanguageAdaptation:
    def change(value: Any) -> Any:
        if isinstance(value, list):
            return [change(item) for item in value]
        if isinstance(value, dict):
            return {
                key: absolute_uri(item, folder)
                if key in _URI_FIELDS and isinstance(item, str)
                else change(item)
                for key, item in value.items()
            }
        return value

    whole = resource.model_dump(by_alias=True, exclude_unset=True)
    whole["spec"] = change(whole["spec"])
    return _validated(whole)


def _check_uris(document: Document, resource: LanguageAdaptation) -> list[Problem]:
    problems: list[Problem] = []
    uris = {**plan.source_uris(resource.spec), "spec.store.uri": resource.spec.store.uri}
    for field, uri in uris.items():
        try:
            parse_uri(uri)
        except UserError as error:
            problems.append(document.problem(field_loc(field), f"{error.where}: {error.message}"))
    return problems


def _check_plan(document: Document, resource: LanguageAdaptation) -> list[Problem]:
    """What planning would refuse, where that needs no look at the world."""
    if resource.spec.base.pretrain is None:
        return []
    uris: Iterable[str] = plan.source_uris(resource.spec).values()
    try:
        plan.plan(resource.spec, {uri: Source(uri=uri, objects=()) for uri in uris}, None)
    except UserError as error:
        return [document.problem(field_loc(error.where), error.message)]
    return []
