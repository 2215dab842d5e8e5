"""`lingraft fleet`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from lingraft.commands.options import write_page
from lingraft.errors import UserError


def fleet(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="YAML files, and what `kubectl get la -A -o json` printed as .json, or - for it "
            "on standard input."
        ),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write one HTML page there.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="CSV instead of the table.")] = False,
) -> None:
    """Show many languages: phase, quality, cost and what is published, a row each."""
    from lingraft.files import load_resources
    from lingraft.fleet.cluster import read_rows
    from lingraft.fleet.local import look
    from lingraft.fleet.page import render
    from lingraft.fleet.row import Row, ordered
    from lingraft.fleet.table import lines, to_csv

    found: list[Row] = []
    for file in files:
        if str(file) == "-":
            found += read_rows(sys.stdin.buffer, "standard input")
        elif file.suffix == ".json":
            try:
                with file.open("rb") as stream:
                    found += read_rows(stream, str(file))
            except OSError as error:
                raise UserError(f"cannot be read: {error.strerror}", where=str(file)) from error
        else:
            found += map(look, load_resources(file))
    rows = ordered(found)
    if output is not None:
        write_page(render(rows), output)
        print(f"fleet: {output}", file=sys.stderr)
    print(to_csv(rows) if as_csv else "\n".join(lines(rows)), end="" if as_csv else "\n")
