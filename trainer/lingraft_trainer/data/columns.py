"""Text in a column of a file: Parquet and Arrow."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lingraft.errors import UserError
from lingraft_trainer.data.text_file import Tally, TextFile, opened, paragraphs_of

ARROW_FILE = b"ARROW1"


def parquet(file: TextFile, tally: Tally, field: str) -> Iterator[list[str]]:
    """The documents of a Parquet file, as lists of paragraphs."""
    if file.codec:
        with opened(file) as stream:
            table = pq.ParquetFile(pa.BufferReader(stream.read()))
    else:
        table = pq.ParquetFile(file.path)
    with table:
        if table.metadata.num_rows == 0:  # pandas knows no type of nothing
            return
        place = _place_of(file, table.schema_arrow, field)
        # By name it would be a path: `a.b` is also b in a.
        for batch in table.iter_batches(batch_size=256):
            yield from _column(file, batch.column(place), tally, field)


def arrow(file: TextFile, tally: Tally, field: str) -> Iterator[list[str]]:
    """A file of Arrow's, as a stream (which `datasets` writes) or with an index at its end."""
    with opened(file) as stream:
        source = pa.BufferReader(stream.read()) if file.codec else pa.memory_map(file.path)
    with source:
        indexed = source.read(len(ARROW_FILE)) == ARROW_FILE
        source.seek(0)
        reader: Any = pa.ipc.open_file(source) if indexed else pa.ipc.open_stream(source)
        place = _place_of(file, reader.schema, field)
        batches = map(reader.get_batch, range(reader.num_record_batches)) if indexed else reader
        for batch in batches:
            yield from _column(file, batch.column(place), tally, field)


def _place_of(file: TextFile, schema: Any, field: str) -> int:
    """The number of the column with the text."""
    places = schema.get_all_field_indices(field)
    if not places:
        names = ", ".join(schema.names[:8])
        message = f'it has no column "{field}", only {names}: set textField'
    elif len(places) > 1:
        message = f'it has {len(places)} columns "{field}"; leave one of them'
    elif not _strings(kind := schema.field(places[0]).type):
        message = f'its column "{field}" is of type {kind}; expected strings'
    else:
        return places[0]
    raise UserError(message, where=file.name)


def _column(file: TextFile, column: Any, tally: Tally, field: str) -> Iterator[list[str]]:
    for cell in column:
        tally.rows += 1
        where = f"{file.name}:{tally.rows}"
        try:
            text = cell.as_py()
        except UnicodeDecodeError:
            tally.leave_out(where, f'its "{field}" is not UTF-8')
            continue
        if text is None:
            tally.leave_out(where, f'the row has no "{field}"')
        else:
            yield paragraphs_of(text)


def _strings(kind: Any) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    # A shard whose texts are all missing has no better type.
    return kind in (pa.string(), pa.large_string(), pa.string_view(), pa.null())
