"""Task files as rows, each with its place, so that an error can name `file:line`."""

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lingraft.errors import UserError


class Row(NamedTuple):
    """One row of a task file."""

    place: str
    """`file:line`, for errors."""
    fields: dict[str, Any]


def files_in(path: Path) -> list[Path]:
    """The file itself, or all files below a directory in the order of their names.

    Hidden files and directories are skipped.

    Raises:
        UserError: no such path, or nothing in it.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UserError("there is no such task file or directory; check the URI", where=str(path))
    names = sorted(f.relative_to(path).parts for f in path.rglob("*") if f.is_file())
    files = [path.joinpath(*n) for n in names if not any(part.startswith(".") for part in n)]
    if not files:
        raise UserError("the directory holds no task file", where=str(path))
    return files


def lines_of(file: Path) -> Iterator[tuple[str, str]]:
    r"""(`file:line`, line) of a UTF-8 text file, plain or .gz, without its line end.

    Lines end with \n or \r\n only: sentences do contain the other separators of Unicode.
    """
    number = 0
    try:
        with gzip.open(file) if file.suffix == ".gz" else file.open("rb") as binary:
            for number, raw in enumerate(binary, 1):
                text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
                yield f"{file}:{number}", text.removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        message = "not UTF-8 text; convert the file to UTF-8"
        raise UserError(message, where=f"{file}:{number}") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        message = "not a whole gzip file; compress it again or name it without .gz"
        raise UserError(message, where=str(file)) from error


def kind_of(file: Path) -> str:
    """The suffix that tells how a file is written, .gz aside: `.jsonl`, `.tsv` ..."""
    return Path(file.name.removesuffix(".gz")).suffix.lower()


def tsv_rows(file: Path, required: Sequence[str]) -> Iterator[Row]:
    """Rows of tab-separated values under a header; quotes are ordinary characters.

    A row may be shorter than the header (MultiNLI leaves out trailing annotator labels) as
    long as the required columns are there.

    Raises:
        UserError: no header, a required column missing, or a row that does not fit.
    """
    lines = lines_of(file)
    place, first = next(lines, (str(file), ""))
    header = first.split("\t")
    expected = f"expected a header line with the tab-separated columns {', '.join(required)}"
    for name in required:
        if name not in header:
            raise UserError(f"the column '{name}' is missing; {expected}", where=place)
    needed = 1 + max(header.index(name) for name in required)
    for place, line in lines:
        if not line.strip():
            continue
        values = line.split("\t")
        if not needed <= len(values) <= len(header):
            message = f"expected {len(header)} tab-separated columns as in the header"
            raise UserError(f"{message}, found {len(values)}", where=place)
        yield Row(place, dict(zip(header, values, strict=False)))


def jsonl_rows(file: Path) -> Iterator[Row]:
    """Rows of JSON Lines; empty lines are skipped.

    Raises:
        UserError: a line that is not a JSON object.
    """
    for place, line in lines_of(file):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            message = f"not JSON ({error.msg} at column {error.colno}); expected one object a line"
            raise UserError(message, where=place) from error
        if not isinstance(value, dict):
            raise UserError("expected a JSON object on every line", where=place)
        yield Row(place, value)


def text_of(row: Row, name: str, expected: str) -> str:
    """A field that must be a string with something in it.

    Raises:
        UserError: it is missing, not a string, or blank.
    """
    value = row.fields.get(name)
    if isinstance(value, str) and value.strip():
        return value
    state = "is missing" if name not in row.fields else "must be a string that is not empty"
    raise UserError(f"the field '{name}' {state}; expected {expected}", where=row.place)
