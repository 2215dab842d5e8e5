"""Files read into rows: what is left out is counted, and too much of it is a mistake."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from lingraft.errors import UserError
from lingraft.formats import (
    choices,
    instructions,
    minimal_pairs,
    pairs,
    plain,
    qa,
    tagged,
    topics,
)
from lingraft.formats.classes import MANY, check_classes, check_several
from lingraft.formats.codecs import NotHereError
from lingraft.formats.examples import (
    Choice,
    Example,
    MinimalPair,
    OtherLanguage,
    Tagged,
    TaskRow,
    UnusableRowError,
)
from lingraft.formats.files import TaskFile
from lingraft.formats.rows import Row
from lingraft.formats.tables import table_rows
from lingraft.formats.wanted import Wanted, check_alike, check_label

MOST_SKIPPED = 0.01
"""Share of the rows that may be unusable."""
_MOST_LANGUAGES = 1000
"""Of which the names are kept, for errors: a file may have one in each row."""

Rows = Callable[[TaskFile], Iterator[Row]]
Parse = Callable[[Row, Wanted], TaskRow | OtherLanguage | None]
READERS: dict[str, tuple[Rows, Parse]] = {
    "xnli": (pairs.nli_rows, pairs.nli),
    "paws-x": (pairs.paws_rows, pairs.paws),
    "mlqa": (qa.nested_rows, qa.published),
    "squad": (qa.nested_rows, qa.published),
    "belebele": (choices.reading_rows, choices.reading),
    "xcopa": (table_rows, choices.causes),
    "xstorycloze": (choices.story_rows, choices.story),
    "multiblimp": (minimal_pairs.pair_rows, minimal_pairs.minimal_pair),
    "sib-200": (topics.sib_rows, topics.sib),
    "massive": (table_rows, topics.massive),
    "classification": (table_rows, plain.classification),
    "pairs": (table_rows, plain.pair),
    "qa": (table_rows, qa.own),
    "choice": (table_rows, choices.own),
    "instruction": (table_rows, instructions.instruction),
    "retrieval": (table_rows, plain.retrieval),
    "ner": (tagged.ner_rows, tagged.tagged),
    "pos": (tagged.pos_rows, tagged.tagged),
}
"""Format to its rows, and what becomes of one of them (None: the format leaves it out)."""


@dataclass
class Collected:
    """What was read of a task's files.

    Attributes:
        rows: The usable ones, in the files' order.
        files: Name of each file that was read to its usable rows.
        skipped: How many rows were not usable.
        first_skipped: What is wrong with the first of them.
        labels: Each label that occurs, with the place where it first does.
        languages: Of rows that were passed over.
        whole: Whether all was read.
    """

    rows: list[TaskRow] = field(default_factory=list[TaskRow])
    files: dict[str, int] = field(default_factory=dict[str, int])
    skipped: int = 0
    first_skipped: UnusableRowError | None = None
    labels: dict[str, str] = field(default_factory=dict[str, str])
    languages: set[str] = field(default_factory=set[str])
    whole: bool = True

    def to_json(self) -> dict[str, Any]:
        """For a manifest: which files, how many rows, and what was left out."""
        files = [{"name": name, "rows": rows} for name, rows in self.files.items()]
        return {"files": files, "skipped": self.skipped}

    @property
    def warning(self) -> str | None:
        """A sentence about what was left out, if anything was."""
        if self.first_skipped is None:
            return None
        rows = f"{self.skipped} of {len(self.rows) + self.skipped} rows were left out"
        return f"{rows}, the first at {self.first_skipped}"


def collect(
    files: list[TaskFile],
    wanted: Wanted,
    where: str,
    enough: Callable[[TaskFile, Collected], bool] = lambda file, data: False,
    *,
    whole: bool = True,
) -> Collected:
    """Read files, and judge what was read.

    Args:
        files: In the order in which they are read.
        wanted: What to read.
        where: Path or URI of all of them, for errors.
        enough: Asked after every row; once it is true the file's rest is not read.
        whole: Whether these are all files there are.

    Raises:
        UserError: a file that is not of the format, with `file:line` and what was expected.
    """
    data = Collected(whole=whole)
    for file in files:
        before = len(data.rows)
        try:
            for _ in _rows(file, wanted, data):
                if enough(file, data):
                    data.whole = False
                    break
        except NotHereError:  # the stage that reads it will judge it
            data.whole = False
        data.whole = data.whole and not file.cut
        data.files[file.key] = len(data.rows) - before
    _judge(data, wanted, where)
    return data


def _rows(file: TaskFile, wanted: Wanted, data: Collected) -> Iterator[None]:
    """Add a file's rows, one at each step."""
    rows, parse = READERS[wanted.format]
    columns = dict(wanted.columns)
    for row in rows(file):
        if columns:
            row = row._replace(columns=columns)
        try:
            found = parse(row, wanted)
        except UnusableRowError as error:
            data.skipped += 1
            data.first_skipped = data.first_skipped or error
        else:
            if isinstance(found, Tagged):
                tagged.note_tags(row, found, wanted, data.labels)
            _add(found, row.place, wanted, data)
        yield


def _add(
    found: TaskRow | OtherLanguage | None, place: str, wanted: Wanted, data: Collected
) -> None:
    if found is None:
        return
    if isinstance(found, OtherLanguage):
        if len(data.languages) < _MOST_LANGUAGES:
            data.languages.add(found.language)
        return
    if isinstance(found, Example) and found.label is not None:
        check_label(found.label, wanted, place)
        data.labels.setdefault(found.label, place)
    data.rows.append(
        replace(found, place=place) if isinstance(found, Choice | MinimalPair) else found
    )


def _judge(data: Collected, wanted: Wanted, where: str) -> None:
    """Refuse what has too little in it.

    Raises:
        UserError: no rows, none of the language, or too many that are unusable.
    """
    if data.first_skipped is not None:
        total = len(data.rows) + data.skipped
        # Of a beginning nobody knows the share: there only a wrong file is refused.
        most = MOST_SKIPPED * total if data.whole else total / 2
        if data.skipped > most:
            fault = data.first_skipped
            share = f"({data.skipped} of {total} rows cannot be used; up to 1 % are left out)"
            raise UserError(f"{fault.message} {share}", where=fault.where)
    if data.whole and not data.rows:
        if data.languages:
            have = f"it has {', '.join(sorted(data.languages)[:8])}"
            raise UserError(f"no row in the language '{wanted.language}' ({have})", where=where)
        raise UserError("the task data has no examples", where=where)
    if not wanted.allowed:
        check_alike(data.labels)
        # Of a beginning nobody knows; a sentence has several tags.
        counts = data.whole and wanted.purpose == "train" and isinstance(data.rows[0], Example)
        check_classes(data.labels, len(data.rows) if counts else None)
    if wanted.purpose in ("test", "sourceTest") and data.whole and len(data.rows) >= MANY:
        check_several(data.labels, where)
