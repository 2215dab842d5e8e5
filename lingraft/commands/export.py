"""`lingraft export`."""

import json as json_text
import os
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from lingraft.commands.options import File, Json, of_trainer, planned_of
from lingraft.errors import UserError


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
    from lingraft.store import open_store
    from lingraft.store.stages import read_manifest

    _check_new(output)
    _, plan = planned_of(file)
    if read_manifest(open_store(plan.store), plan["graft"].stage.ref) is None:
        raise UserError("its graft is not in the store yet: run it first", where="lingraft export")
    write: Any = of_trainer("export.export", "export").export
    record: dict[str, Any] = write(plan, as_, output, task=task or None, base_model=hub_name(file))
    if json:
        print(json_text.dumps(record, indent=1))
    else:
        loads = record["loadTest"]["class"]
        print(f"{record['as']} of {record['language']}: {output} (loads as {loads})")


def _check_new(folder: Path) -> None:
    """Refuse a folder in seconds, before anything heavy is loaded for it.

    Raises:
        UserError: There is something, or no folder can be made there.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        message = "there is something already; name a folder that is new"
        raise UserError(message, where=str(folder))
    above = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        what = "cannot be written to" if above.is_dir() else "is a file"
        raise UserError(f"no folder can be made there: {above} {what}", where=str(folder))
