"""Rows of Parquet and Arrow files, with the names of the labels that `datasets` keeps in them."""

import json
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any, cast

from lingraft.errors import UserError
from lingraft.formats.codecs import pyarrow
from lingraft.formats.files import TaskFile, bytes_of, kind_of
from lingraft.formats.rows import Row

SUFFIXES = (".parquet", ".arrow")
BATCH = 256
"""Rows that become Python's objects at once."""
_ARROW_FILE = b"ARROW1"
MOST_METADATA = 16 << 20
"""Bytes of what `datasets` says of the columns."""

Named = Callable[[Any], Any]
"""A column's value with the names of labels in place of their numbers."""


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
                for fields in cast("list[dict[str, Any]]", batch.to_pylist()):
                    number += 1
                    for name, decode in named.items():
                        if name in fields:
                            fields[name] = decode(fields[name])
                    yield Row(f"{file.name}:{number}", fields)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        lines = str(error).strip().splitlines()
        reason = lines[0] if lines else type(error).__name__
        kind = "Parquet" if kind_of(file.name) == ".parquet" else "Arrow"
        message = f"not a {kind} file that can be read ({reason}); write it again"
        raise UserError(message, where=f"{file.name}:{number}" if number else file.name) from error


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


def labels_of_columns(metadata: Mapping[bytes, bytes]) -> dict[str, Named]:
    """How to name the labels in each column that has any.

    Args:
        metadata: A schema's; under `huggingface` stand the `Features` of a data set as JSON.
    """
    told = metadata.get(b"huggingface", b"")
    if not told or len(told) > MOST_METADATA:
        return {}
    try:
        features = json.loads(told)["info"]["features"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    if not isinstance(features, dict):
        return {}
    found = {name: _named(one) for name, one in cast(dict[str, Any], features).items()}
    return {name: one for name, one in found.items() if one is not None}


def _named(feature: Any) -> Named | None:
    """What names the labels of one feature: of a ClassLabel, or of a list of them."""
    if isinstance(feature, list):  # how older versions write a list
        items = cast(list[Any], feature)
        return _each(_named(items[0])) if len(items) == 1 else None
    if not isinstance(feature, dict):
        return None
    told = cast(dict[str, Any], feature)
    if told.get("_type") in ("Sequence", "List", "LargeList"):
        return _each(_named(told.get("feature")))
    names = told.get("names")
    if told.get("_type") != "ClassLabel" or not isinstance(names, list):
        return None
    known = cast(list[Any], names)

    def name_of(value: Any) -> Any:
        number = isinstance(value, int) and not isinstance(value, bool)
        return known[value] if number and 0 <= value < len(known) else value

    return name_of


def _each(named: Named | None) -> Named | None:
    if named is None:
        return None

    def names_of(values: Any) -> Any:
        many = isinstance(values, list)
        return [named(one) for one in cast(list[Any], values)] if many else values

    return names_of
