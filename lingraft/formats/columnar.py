"""Rows of Parquet and Arrow files, with the names of the labels that `datasets` keeps in them."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from lingraft.errors import UserError
from lingraft.formats.classlabels import labels_of_columns
from lingraft.formats.codecs import pyarrow
from lingraft.formats.files import TaskFile, bytes_of, kind_of
from lingraft.formats.rows import Row

SUFFIXES = (".parquet", ".arrow")
BATCH = 256
"""Rows that become Python's objects at once."""
_ARROW_FILE = b"ARROW1"


def columnar_rows(file: TaskFile) -> Iterator[Row]:
    """Rows of a .parquet or .arrow file.

    A label that `datasets` keeps as the number of a name (ClassLabel) is that name.

    Raises:
        UserError: it is no such file, or a column stands twice in it.
        NotHereError: pyarrow is not here.
    """
    pa = pyarrow()
    number = 0
    try:
        with _source(pa, file) as source:
            if source is None:
                return
            read = _parquet if kind_of(file.name) == ".parquet" else _arrow
            schema, batches = read(pa, source)
            names: list[str] = schema.names
            if twice := next((name for name in names if names.count(name) > 1), ""):
                message = f"the column '{twice}' is there twice; leave one of them"
                raise UserError(message, where=file.name)
            named = labels_of_columns(schema.metadata or {})
            for batch in batches:
                columns = [_values(column) for column in batch.columns]
                for values in zip(*columns, strict=True):
                    number += 1
                    fields = dict(zip(names, values, strict=True))
                    for name, decode in named.items():
                        if name in fields:
                            fields[name] = decode(fields[name])
                    yield Row(f"{file.name}:{number}", fields)
    except (pa.ArrowException, OSError) as error:
        lines = str(error).strip().splitlines()
        reason = lines[0] if lines else type(error).__name__
        kind = "a Parquet" if kind_of(file.name) == ".parquet" else "an Arrow"
        message = f"not {kind} file that can be read ({reason}); write it again"
        raise UserError(message, where=f"{file.name}:{number}" if number else file.name) from error


def _values(column: Any) -> list[Any]:
    """A column's values; None where one is none of Python's (a date in the year 10,000)."""
    try:
        return column.to_pylist()
    except (ValueError, OverflowError):  # also of bytes that are not UTF-8
        return [_value(cell) for cell in column]


def _value(cell: Any) -> Any:
    try:
        return cell.as_py()
    except (ValueError, OverflowError):
        return None


@contextmanager
def _source(pa: Any, file: TaskFile) -> Generator[Any]:
    """The file's bytes for pyarrow; None of one that is longer than its limit."""
    if file.limit is None and file.codec is None:
        with file.open_raw() as stream:
            yield pa.PythonFile(stream, mode="r")
        return
    data = bytes_of(file)
    yield None if file.cut else pa.BufferReader(data)


def _parquet(pa: Any, source: Any) -> tuple[Any, Iterator[Any]]:
    table = import_module("pyarrow.parquet").ParquetFile(source)
    return table.schema_arrow, table.iter_batches(batch_size=BATCH)


def _arrow(pa: Any, source: Any) -> tuple[Any, Iterator[Any]]:
    """A stream (what `datasets` saves to disk), or a file with an index at its end."""
    start = bytes(source.read(len(_ARROW_FILE)))
    source.seek(0)
    if start != _ARROW_FILE:
        stream: Any = pa.ipc.open_stream(source)
        return stream.schema, iter(stream)
    reader: Any = pa.ipc.open_file(source)
    return reader.schema, map(reader.get_batch, range(reader.num_record_batches))
