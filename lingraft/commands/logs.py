"""`lingraft logs`."""

import sys
from typing import Annotated

import typer

from lingraft.commands.options import File, planned_of
from lingraft.errors import UserError


def logs(
    file: File,
    stage: Annotated[
        str, typer.Argument(help="Such as embed; left out: the one that said something last.")
    ] = "",
) -> None:
    """Print what the trainer of a stage said, with its traceback, from the store."""
    from lingraft.store import open_store
    from lingraft.store.logs import Logs

    _, plan = planned_of(file)
    names = [one.name for one in plan.stages]
    if stage and stage not in names:
        raise UserError(f"no such stage; there are {', '.join(names)}", where=stage)
    store = open_store(plan.store)
    wanted = [one for one in plan.stages if stage in ("", one.name)]
    found = [(one.name, log) for one in wanted if (log := Logs(store, one.stage).newest())]
    if not found:
        message = "no trainer has said anything yet, or none that writes logs"
        raise UserError(message, where=stage or plan.store)
    name, log = max(found, key=lambda one: one[1].modified)
    print(f"{name}: {log.uri}", file=sys.stderr)
    print(log.text, end="")
