"""`lingraft export`."""

import json as json_text
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from lingraft.commands.options import File, Json, of_trainer, planned_of


def export(
    file: File,
    output: Annotated[Path, typer.Option("--output", "-o", help="A folder that is new.")],
    as_: Annotated[
        Literal["pack", "model", "modelcar"],
        typer.Option(
            "--as",
            help="A language pack, a whole model, or a whole model as an OCI layout for KServe.",
        ),
    ] = "model",
    task: Annotated[
        str, typer.Option(help="A task model in its place, by name and seed: topic-0.")
    ] = "",
    json: Json = False,
) -> None:
    """Write what was adapted as a folder with a model card, and test that it loads."""
    from lingraft.pack.hub import hub_name

    _, plan = planned_of(file)
    write: Any = of_trainer("export.export", "export").export
    record: dict[str, Any] = write(plan, as_, output, task=task or None, base_model=hub_name(file))
    if json:
        print(json_text.dumps(record, indent=1))
    else:
        loads = record["loadTest"]["class"]
        print(f"{record['as']} of {record['language']}: {output} (loads as {loads})")
