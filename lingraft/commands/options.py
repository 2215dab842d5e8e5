"""What commands share: their options, the plan of a file, and the trainer by name."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lingraft.errors import UserError
from lingraft.store.disk import disk_errors

if TYPE_CHECKING:
    from lingraft.plan import Plan
    from lingraft.resource import LanguageAdaptation

File = Annotated[
    Path, typer.Option("--filename", "-f", help="YAML file with a LanguageAdaptation.")
]
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output, for machines.")]


def planned_of(file: Path) -> "tuple[LanguageAdaptation, Plan]":
    """The resource of a file, and its plan."""
    from lingraft.files import load_resource
    from lingraft.planning import plan_resource

    resource = load_resource(file)
    return resource, plan_resource(resource)


def write_page(text: str, output: Path) -> None:
    """Write a page where the user wants it.

    Raises:
        LingraftError: It cannot be written there.
    """
    with disk_errors(output):
        try:
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_text(text, encoding="utf-8")
        except (FileNotFoundError, FileExistsError) as error:
            message = f"{output.parent} is no folder, and none can be made there"
            raise UserError(message, where=str(output)) from error


def of_trainer(module: str, command: str) -> Any:
    """A module of the trainer, by name: this package must not import it, and it may be missing.

    Raises:
        UserError: It, or what it needs, is not installed.
    """
    try:
        return import_module(f"lingraft_trainer.{module}")
    except ModuleNotFoundError as error:
        message = f"{error.name} is not installed; pip install 'lingraft[trainer]'"
        raise UserError(message, where=f"lingraft {command}") from error
