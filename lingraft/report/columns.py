"""Columns of text."""

from collections.abc import Iterator, Sequence


def aligned(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Columns as wide as their widest cell."""
    table = [head, *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(head))]
    for row in table:
        yield "   ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip()
