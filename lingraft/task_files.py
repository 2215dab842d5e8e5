"""A look at the first rows of every task file, so that a wrong one costs seconds and not a run."""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from lingraft.errors import LingraftError, UserError
from lingraft.files import Fault
from lingraft.formats.classes import MANY
from lingraft.formats.collect import Collected, collect
from lingraft.formats.columnar import SUFFIXES as COLUMNAR
from lingraft.formats.examples import Purpose, asked_in
from lingraft.formats.files import TaskFile, kind_of
from lingraft.formats.folders import check_name, files_to_read
from lingraft.formats.wanted import Wanted, check_alike, labels_of
from lingraft.peek import look
from lingraft.plan.readings import language_of, uris_of
from lingraft.resource import LanguageAdaptation, LanguageAdaptationSpec
from lingraft.resource.formats import FORMATS
from lingraft.resource.tasks import Task
from lingraft.store.disk import in_parallel
from lingraft.store.uri import parse_uri

FIRST_BYTES = 64 << 10
"""Of a file of rows; one of several languages is read on until there is a row of ours."""
MOST_BYTES = 64 << 20
"""At which that ends."""
NESTED_BYTES = 256 << 10
"""Of one JSON text, which may hold a long paragraph."""
COLUMNAR_BYTES = 16 << 20
"""Of a file of columns, which is read whole; a larger one is judged by the stage that reads it."""
MOST_FILES = 4
"""Of a folder."""

Look = Callable[[str, Wanted], "FirstRows | None"]


@dataclass(frozen=True)
class FirstRows:
    """What the first rows of a task's files say.

    Attributes:
        labels: That occur, in the order of a model's config.
        places: Label to where it first stands.
        examples: What is asked in each of them, without the answers.
        uri: Where they stand.
        whole: Whether all rows were read.
    """

    labels: tuple[str, ...]
    places: Mapping[str, str]
    examples: frozenset[int]
    uri: str
    whole: bool


def first_rows(uri: str, wanted: Wanted) -> FirstRows | None:
    """Read the first rows at a URI; None where nothing is.

    Raises:
        LingraftError: They are not what the task wants, or cannot be read.
    """
    place = look(uri)
    if not place.keys:
        return None
    if place.single:
        check_name(place.name(""), wanted, uri)
        chosen = [""]
    else:
        chosen = files_to_read(place.keys, wanted, uri)
    files: list[TaskFile] = []
    for key in chosen[:MOST_FILES]:
        name = place.name(key)
        limit = _limit(name, wanted)
        files.append(
            TaskFile(name, key or PurePosixPath(name).name, partial(place.open, key), limit)
        )
    data = collect(files, wanted, uri, _enough, whole=len(chosen) <= MOST_FILES)
    return FirstRows(
        labels_of(data.rows, wanted.names),
        dict(data.labels),
        frozenset(hash(asked_in(row)) for row in data.rows),
        uri,
        data.whole,
    )


def _limit(name: str, wanted: Wanted) -> int:
    if kind_of(name) in COLUMNAR:
        return COLUMNAR_BYTES
    nested = wanted.format in ("squad", "mlqa") and kind_of(name) == ".json"
    return NESTED_BYTES if nested else MOST_BYTES


def _enough(file: TaskFile, data: Collected) -> bool:
    read = max(file.consumed, file.handed)
    return read >= FIRST_BYTES and bool(data.rows or not data.languages)


def task_mistakes(spec: LanguageAdaptationSpec, fresh: Container[str], look: Look) -> list[Fault]:
    """What is wrong with the files of all tasks, each with the field that names the file.

    Args:
        spec: What the user asked for.
        fresh: URIs whose files are judged; the others only say which labels there are.
        look: Reads the first rows at a URI.
    """

    def of(number: int) -> list[Fault]:
        found = _of_task(spec, spec.tasks[number], fresh, look)
        return [(("spec", "tasks", number, purpose), error) for purpose, error in found]

    return [one for found in in_parallel(of, range(len(spec.tasks))) for one in found]


def _of_task(
    spec: LanguageAdaptationSpec, task: Task, fresh: Container[str], look: Look
) -> list[tuple[Purpose, LingraftError]]:
    uris = uris_of(task)
    train: FirstRows | None = None
    before: dict[Purpose, FirstRows] = {}
    mistakes: list[tuple[Purpose, LingraftError]] = []
    if not any(uri in fresh for uri in uris.values() if uri is not None):
        return []
    for purpose, uri in uris.items():
        if uri is None:
            continue
        wanted = Wanted(
            format=task.format,
            language=language_of(spec, purpose),
            purpose=purpose,
            columns=tuple(task.renamed.items()),
            names=task.label_names,
            trained=train.labels if train and train.whole and train.labels else None,
        )
        try:
            rows = look(uri, wanted)
            if rows is None:
                continue
            _check_other(purpose, rows, before)
            before[purpose] = rows
            if purpose == "train":
                train = rows
                _check_training(task, uri, rows)
            elif train is not None:
                check_alike(rows.places, train.labels, of="training data")
        except LingraftError as error:
            if uri in fresh:
                mistakes.append((purpose, error))
    return mistakes


def _check_training(task: Task, uri: str, rows: FirstRows) -> None:
    """Refuse training data of one label.

    Raises:
        UserError: all of it has the same.
    """
    if rows.whole and len(rows.labels) == 1 and FORMATS[task.format].of_kind.labels:
        message = f"all training examples have the label '{rows.labels[0]}': give at least two"
        raise UserError(message, where=uri)


def _check_other(purpose: Purpose, rows: FirstRows, before: Mapping[Purpose, FirstRows]) -> None:
    """Refuse examples that stand in a file before: it was named twice, or copied.

    Raises:
        UserError: Most of the first examples do.
    """
    for other, those in before.items():
        same = sum(one in those.examples for one in rows.examples)
        if len(rows.examples) >= MANY and 2 * same > len(rows.examples):
            message = f"{same:,} of its first {len(rows.examples):,} examples are those of {other}"
            raise UserError(f"{message}: name other data", where=rows.uri)


def local_mistakes(resource: LanguageAdaptation) -> list[Fault]:
    """What is wrong with those task files that are on this machine."""
    uris = [u for t in resource.spec.tasks for u in (t.train, t.dev, t.test, t.source_test) if u]
    here = {uri for uri in uris if _is_here(uri)}
    return task_mistakes(
        resource.spec, here, lambda uri, wanted: first_rows(uri, wanted) if uri in here else None
    )


def _is_here(uri: str) -> bool:
    if not uri.startswith("file://"):
        return False
    location = parse_uri(uri)
    return isinstance(location, Path) and location.exists()
