"""Run commands and draw their terminal as an SVG: recording.py OUT.svg [--without REGEX] COMMAND...

What is drawn is what they printed, without bars and without progress that was overtaken; where
lines that match the expression are left out, dots say so. It is so narrow that it can be read on a
phone: sentences are wrapped, and tables are cut.
"""

import argparse
import os
import re
import subprocess
import sys
import textwrap
from html import escape
from pathlib import Path
from typing import NamedTuple

COLUMNS, LETTER, LINE, MARGIN = 50, 8.43, 19, 12
"""Letters of a line, the width of one and the height of a line in units of the picture. Of 370
pixels that a phone has, these make letters of 11."""
TABLE = re.compile(r"\S {3,}\S")
GOING = re.compile(r"^(\S+): (?:started$|fetching inputs$|uploading$|.*\d+/\d+)")
BAR = re.compile(r"\d%\|")
STAGE = re.compile(r"^(\S+): ")
STYLE = """
svg{--ink:#1d2228;--paper:#f5f7f9;--edge:#d4dae0;--quiet:#59636e;--accent:#0b62a8}
@media(prefers-color-scheme:dark){svg{--ink:#e8eaed;--paper:#1e2329;--edge:#3a424b;--quiet:#a3adb8;
--accent:#6db8f2}}
rect{fill:var(--paper);stroke:var(--edge)}
text{font:14px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;fill:var(--ink);
white-space:pre}
.typed{fill:var(--accent);font-weight:700}
"""


class Line(NamedTuple):
    """A line of the terminal, printed or typed."""

    text: str
    typed: bool = False


LEFT_OUT = Line("…")


def record(commands: list[str]) -> list[Line]:
    """Run commands one after the other; the first that fails ends this too."""
    lines: list[Line] = []
    for command in commands:
        lines.append(Line(f"$ {command}", typed=True))
        environment = os.environ | {"COLUMNS": str(COLUMNS), "PYTHONUNBUFFERED": "1"}
        with subprocess.Popen(
            ["bash", "-c", command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
        ) as process:
            assert process.stdout is not None
            for text in process.stdout:
                print(text, end="", flush=True)
                lines.append(Line(text.rstrip()))
        if process.returncode:
            sys.exit(process.returncode)
        lines.append(Line(""))
    return lines


def condensed(lines: list[Line], without: str | None) -> list[Line]:
    """Without bars, and progress that was overtaken by more of the same stage, or by its end."""
    kept: list[Line] = []
    for line in lines:
        if without is not None and not line.typed and re.search(without, line.text):
            if kept[-1] != LEFT_OUT:
                kept.append(LEFT_OUT)
            continue
        if BAR.search(line.text) or not (line.text or (kept and kept[-1].text)):
            continue
        now = STAGE.match(line.text)
        before = GOING.match(kept[-1].text) if kept else None
        if now and before and now[1] == before[1]:
            kept.pop()
        kept.append(line)
    while kept and not kept[-1].text:
        kept.pop()
    return kept


def fitted(line: Line) -> list[Line]:
    """A sentence in as many lines as it takes, a row of a table in one."""
    if len(line.text) <= COLUMNS:
        return [line]
    if TABLE.search(line.text):
        return [Line(line.text[: COLUMNS - 1].rstrip() + "…")]
    start = len(line.text) - len(line.text.lstrip())
    parts = textwrap.wrap(
        line.text, COLUMNS, break_on_hyphens=False, subsequent_indent=" " * (start + 2)
    )
    return [Line(text, line.typed) for text in parts]


def draw(lines: list[Line]) -> str:
    """The picture."""
    said = "; ".join(line.text.removeprefix("$ ") for line in lines if line.typed)
    lines = [part for line in lines for part in fitted(line)]
    width, height = COLUMNS * LETTER + 2 * MARGIN, LINE * len(lines) + 2 * MARGIN
    shown: list[str] = []
    for row, line in enumerate(lines):
        mark = " class='typed'" if line.typed else ""
        y = MARGIN + LINE * (row + 0.75)
        shown.append(f"<text{mark} x='{MARGIN}' y='{y:g}'>{escape(line.text)}</text>")
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width:g} {height:g}' role='img' "
        f"aria-label='{escape(said, quote=True)}'><style>{STYLE}</style>"
        f"<rect x='.5' y='.5' width='{width - 1:g}' height='{height - 1:g}' rx='8'/>\n"
        + "\n".join(shown)
        + "\n</svg>\n"
    )


def main() -> None:
    """Record, and write the picture."""
    parser = argparse.ArgumentParser(description="Draw the terminal of commands as an SVG.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--without", help="lines that are left out: a regular expression")
    parser.add_argument("commands", nargs="+")
    asked = parser.parse_args()
    lines = condensed(record(asked.commands), asked.without)
    asked.out.write_text(draw(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
