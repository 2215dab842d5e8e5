"""Published tab-separated files that may have been written by pandas.

It quotes a field that holds a quote. In other tab-separated files quotes are ordinary characters
(`rows.tsv_rows`).
"""

from collections.abc import Iterator, Sequence

from lingraft.errors import UserError
from lingraft.formats.files import TaskFile, lines_of
from lingraft.formats.rows import Row


def line_rows(file: TaskFile, *choices: Sequence[str]) -> Iterator[Row]:
    """Rows of tab-separated values, one a line; a field in quotes as CSV has them loses them.

    Any other quote is an ordinary character, so that none swallows the lines behind it.

    Args:
        file: The file.
        choices: Columns that are required: those of the first choice that is there.

    Raises:
        UserError: no header, a required column missing, or a row that does not fit.
    """
    header = list[str]()
    for place, line in lines_of(file):
        values = [_unquoted(value) for value in line.split("\t")]
        if not header:
            header = _header(values, choices, place)
        elif line.strip():
            yield _row(header, values, place)
    if not header and not file.cut:
        _header([], choices, file.name)


def _unquoted(value: str) -> str:
    inner = value[1:-1].replace('""', "")
    quoted = len(value) > 1 and value[0] == value[-1] == '"' and '"' not in inner
    return value[1:-1].replace('""', '"') if quoted else value


def _header(values: Sequence[str], choices: Sequence[Sequence[str]], place: str) -> list[str]:
    header = [name.strip() for name in values]
    if not any(set(names) <= set(header) for names in choices):
        lacking = next(name for name in choices[0] if name not in header)
        expected = f"expected a header line with the columns {', '.join(choices[0])}"
        raise UserError(f"the column '{lacking}' is missing; {expected}", where=place)
    return header


def _row(header: Sequence[str], values: Sequence[str], place: str) -> Row:
    if len(values) != len(header):
        message = f"expected {len(header)} columns as in the header, found {len(values)}"
        raise UserError(message, where=place)
    return Row(place, dict(zip(header, values, strict=True)))
