"""The command line: thin, and quick to start; what a command needs is loaded when it runs."""

import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from lingraft import __version__
from lingraft.commands.advise import advise
from lingraft.commands.export import export
from lingraft.commands.finish import finish
from lingraft.commands.fleet import fleet
from lingraft.commands.logs import logs
from lingraft.commands.publish import publish
from lingraft.commands.report import report
from lingraft.commands.store import app as store
from lingraft.errors import LingraftError, UserError

if TYPE_CHECKING:
    from lingraft.files import Fault
    from lingraft.plan import Plan
    from lingraft.resource import LanguageAdaptation

STOPPED = 130
app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: rich would be loaded for every command
    help="Teach a pretrained language model a new language. Exit codes: 0 fine, 1 failed, "
    "2 your input must change, 3 a quality gate failed, 130 stopped.",
)
File = Annotated[
    Path, typer.Option("--filename", "-f", help="YAML file with a LanguageAdaptation.")
]
Files = Annotated[
    list[Path], typer.Option("--filename", "-f", help="YAML file; may be given several times.")
]
Cluster = Annotated[
    Path | None,
    typer.Option(
        "--cluster", help="The operator's config.yaml: what it leaves to tenants is checked too."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output, for machines.")]


@app.command()
def validate(files: Files, cluster: Cluster = None) -> None:
    """Check files, and what they name on this machine: every mistake at once.

    Each with file, line and field. Task files are opened, models of the Hub looked for in its
    local cache. Uses no network.
    """
    from lingraft.files import BadFileError, load_resources
    from lingraft.task_files import local_mistakes
    from lingraft.text_looks import text_mistakes

    def here(one: "LanguageAdaptation") -> "list[Fault]":
        return [*local_mistakes(one), *text_mistakes(one.spec)]

    bad: list[str] = []
    beyond = _beyond(cluster)
    for file in files:
        try:
            for resource in load_resources(file, lambda one: [*beyond(one), *here(one)]):
                print(f"{file}: {resource.metadata.name} is valid")
        except BadFileError as error:
            bad += [str(mistake) for mistake in error.mistakes]
    if bad:
        print("\n".join(bad), file=sys.stderr)
        raise typer.Exit(UserError.exit_code)


@app.command()
def plan(file: File, cluster: Cluster = None, json: Json = False) -> None:
    """Show the stages, which are cached, and what they will cost; spends nothing."""
    from lingraft.history import look_back
    from lingraft.plan.capacity import check_pools
    from lingraft.plan.outlook import outlook
    from lingraft.planning import manifests_of
    from lingraft.report.planned import budget_lines, plan_lines, text_lines

    resource, planned = _planned(file, _beyond(cluster))
    done = manifests_of(planned)
    found = outlook(planned, done, look_back(planned, done))
    if json:
        from json import dumps

        budget = resource.spec.budget
        limits = budget.model_dump(by_alias=True, exclude_none=True) if budget is not None else {}
        print(dumps(planned.to_json() | found.to_json() | {"budget": limits}, indent=1))
    else:
        print(
            "\n".join(
                [
                    *plan_lines(planned, found),
                    *text_lines(done.get("corpus")),
                    *budget_lines(resource.spec.budget, found),
                ]
            )
        )
    check_pools(planned, resource.spec.pools, done)


@app.command()
def run(
    file: File,
    workers: Annotated[
        int,
        typer.Option(
            help="Ray Train workers, each with a GPU if there is one; 0 trains in this process.",
            min=0,
        ),
    ] = 0,
    threads: Annotated[
        int, typer.Option(help="CPU threads per worker; 0: all cores, shared out.", min=0)
    ] = 0,
    precision: Annotated[
        Literal["auto", "fp32", "bf16"],
        typer.Option(help="auto measures whether bf16 is faster here."),
    ] = "auto",
    json: Json = False,
    plain: Annotated[bool, typer.Option("--plain", help="Lines, even on a terminal.")] = False,
    refresh: Annotated[
        bool,
        typer.Option(
            "--refresh",
            help="Look everything up anew: local files are hashed, though size and times say that "
            "they are as they were. Only what changed is computed again.",
        ),
    ] = False,
) -> None:
    """Run what is not in the store yet. Ctrl-C stops; the same command resumes."""
    from lingraft.stage import Execution
    from lingraft.views import listener_for

    resource, planned = _planned(file, anew=refresh)
    execution = Execution(workers=workers, threads=threads, precision=precision)
    # By name: this package must not import the trainer, which may not be installed.
    try:
        run_plan = import_module("lingraft_trainer.running.local").run_plan
    except ModuleNotFoundError as error:
        message = f"{error.name} is not installed; pip install 'lingraft[trainer]'"
        raise UserError(message, where="lingraft run") from error
    for warning in planned.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    names = [stage.name for stage in planned.stages]
    with listener_for(json=json, plain=plain, names=names) as listener:
        name = resource.metadata.name
        manifests = run_plan(planned, execution, listener, name, resource.spec.budget)
    finish(resource, planned, manifests, json=json)


app.command()(advise)
app.command()(export)
app.command()(fleet)
app.command()(logs)
app.command()(publish)
app.command()(report)
app.add_typer(store, name="store")


@app.command()
def explain(
    field: Annotated[
        str, typer.Argument(help="Such as spec.mini; left out: the whole resource.")
    ] = "",
) -> None:
    """Say what a field of a LanguageAdaptation means, what it takes, and its default."""
    from lingraft.explain import explain_lines

    print("\n".join(explain_lines(field)))


@app.command()
def crd() -> None:
    """Print the CustomResourceDefinition: lingraft crd | kubectl apply --server-side -f -."""
    from lingraft.crd import to_yaml

    print(to_yaml(), end="")


@app.command()
def version() -> None:
    """Show the version."""
    print(__version__)


def _beyond(cluster: Path | None) -> "Callable[[LanguageAdaptation], list[Fault]]":
    """What a resource asks for beyond what a cluster leaves to its tenants, where that is known."""
    if cluster is None:
        return lambda resource: []
    from lingraft.allowed import load_rules, not_allowed

    rules = load_rules(cluster)
    return lambda one: list(not_allowed(one.spec, one.metadata.namespace, rules))


def _planned(
    file: Path,
    check: "Callable[[LanguageAdaptation], list[Fault]]" = lambda resource: [],
    *,
    anew: bool = False,
) -> "tuple[LanguageAdaptation, Plan]":
    from lingraft.files import load_resource
    from lingraft.planning import plan_resource

    resource = load_resource(file, check)
    return resource, plan_resource(resource, anew=anew)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run a command; errors become one sentence and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        # Texts are of every script: a terminal that has none of its letters ends no run.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        with _terminable():
            code = app(arguments, standalone_mode=False) or 0
    except LingraftError as error:
        if os.environ.get("LINGRAFT_DEBUG"):
            raise
        # One of no known class is a mistake of ours: its traceback may help.
        details = f" (details: {_saved()})" if type(error) is LingraftError else ""
        print(f"error: {error}{details}", file=sys.stderr)
        code = error.exit_code
    except typer.TyperException as error:
        said = getattr(error, "format_message", error.__str__)().rstrip(".")
        print(f"error: {said}; see lingraft --help", file=sys.stderr)
        code = UserError.exit_code
    except KeyboardInterrupt:
        code = STOPPED
    except Exception as error:
        if os.environ.get("LINGRAFT_DEBUG"):
            raise
        print(f"error: {type(error).__name__}: {error} (details: {_saved()})", file=sys.stderr)
        code = 1
    if code == STOPPED:
        print("stopped; run the same command to resume", file=sys.stderr)
    sys.exit(code)


@contextmanager
def _terminable() -> Generator[None]:
    """SIGTERM is Ctrl-C meanwhile: by itself it ends a process without tidying up."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _saved() -> str:
    """Where the traceback of the present exception was written."""
    with tempfile.NamedTemporaryFile("w", prefix="lingraft-", suffix=".log", delete=False) as log:
        traceback.print_exc(file=log)
    return log.name


if __name__ == "__main__":
    main()
