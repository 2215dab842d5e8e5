"""A report as blocks, written as Markdown with figures beside it or as one HTML page."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from lingraft.report.html import document


@dataclass(frozen=True)
class Heading:
    """A section's title; level 1 to 3."""

    level: int
    text: str


@dataclass(frozen=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True)
class Table:
    """Rows of cells under titles."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Figure:
    """An SVG, and its file's name."""

    name: str
    svg: str


Block = Heading | Paragraph | Table | Figure


def markdown(blocks: Sequence[Block]) -> str:
    """Markdown that names the figures as files beside it."""
    return "\n\n".join(_markdown(block) for block in blocks) + "\n"


def _markdown(block: Block) -> str:
    match block:
        case Heading(level, text):
            return f"{'#' * level} {text}"
        case Paragraph(text):
            return text
        case Table(head, rows):
            lines = [head, ["---"] * len(head), *rows]
            return "\n".join("| " + " | ".join(line) + " |" for line in lines)
        case Figure(name, _):
            return f"![{name}]({name}.svg)"


def html(title: str, blocks: Sequence[Block]) -> str:
    """One page that needs nothing else."""
    return document(
        title, "".join(_html(block) for block in blocks), style="figure{max-width:44rem}"
    )


def _html(block: Block) -> str:
    match block:
        case Heading(level, text):
            return f"<h{level}>{escape(text)}</h{level}>"
        case Paragraph(text):
            return f"<p>{escape(text)}</p>"
        case Table(head, rows):
            lines = [("th", head), *(("td", row) for row in rows)]
            return "<table>" + "".join(_row(tag, cells) for tag, cells in lines) + "</table>"
        case Figure(_, svg):
            return f"<figure>{svg}</figure>"


def _row(tag: str, cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"
