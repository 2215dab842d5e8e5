"""`lingraft report`."""

from pathlib import Path
from typing import Annotated

import typer

from lingraft.commands.finish import finish, gates_of
from lingraft.commands.options import File, planned_of, write_page


def report(
    file: File,
    output: Annotated[Path, typer.Option("--output", "-o", help="The page.")] = Path("report.html"),
) -> None:
    """Write one HTML page about what is in the store so far, and print the results."""
    from lingraft.planning import manifests_of
    from lingraft.report.page import render

    resource, plan = planned_of(file)
    manifests = manifests_of(plan)
    page = render(resource.metadata.name, plan, manifests, gates_of(resource, manifests))
    write_page(page, output)
    print(f"report: {output}")
    finish(resource, plan, manifests, json=False)
