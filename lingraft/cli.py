"""The command line: thin, and quick to start; what a command needs is loaded when it runs."""

import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from lingraft import __version__
from lingraft.errors import LingraftError, UserError

if TYPE_CHECKING:
    from lingraft.plan import Plan
    from lingraft.resource import LanguageAdaptation
    from lingraft.stage import Manifest

GATE_FAILED, STOPPED = 3, 130
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
Json = Annotated[bool, typer.Option("--json", help="JSON on standard output, for machines.")]


@app.command()
def validate(files: Files) -> None:
    """Check files, and what they name on this machine: every mistake at once.

    Each with file, line and field. Task files are opened, models of the Hub looked for in its
    local cache. Uses no network.
    """
    from lingraft.files import BadFileError, load_resources
    from lingraft.task_files import local_mistakes

    bad: list[str] = []
    for file in files:
        try:
            for resource in load_resources(file, local_mistakes):
                print(f"{file}: {resource.metadata.name} is valid")
        except BadFileError as error:
            bad += [str(mistake) for mistake in error.mistakes]
    if bad:
        print("\n".join(bad), file=sys.stderr)
        raise typer.Exit(UserError.exit_code)


@app.command()
def plan(file: File, json: Json = False) -> None:
    """Show the stages, which are cached, and what they will cost; spends nothing."""
    from lingraft.history import look_back
    from lingraft.plan.outlook import outlook
    from lingraft.planning import manifests_of
    from lingraft.report.planned import plan_lines

    _, planned = _planned(file)
    done = manifests_of(planned)
    found = outlook(planned, done, look_back(planned, done))
    if json:
        from json import dumps

        print(dumps(planned.to_json() | found.to_json(), indent=1))
    else:
        print("\n".join(plan_lines(planned, found)))


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
) -> None:
    """Run what is not in the store yet. Ctrl-C stops; the same command resumes."""
    from lingraft.stage import Execution
    from lingraft.views import listener_for

    resource, planned = _planned(file)
    execution = Execution(workers=workers, threads=threads, precision=precision)
    # By name: this package must not import the trainer, which may not be installed.
    try:
        run_plan = import_module("lingraft_trainer.local").run_plan
    except ModuleNotFoundError as error:
        message = f"{error.name} is not installed; pip install 'lingraft[trainer]'"
        raise UserError(message, where="lingraft run") from error
    for warning in planned.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    names = [stage.name for stage in planned.stages]
    with listener_for(json=json, plain=plain, names=names) as listener:
        manifests = run_plan(planned, execution, listener, resource.metadata.name)
    _finish(resource, planned, manifests, json=json)


@app.command()
def report(
    file: File,
    output: Annotated[Path, typer.Option("--output", "-o", help="The page.")] = Path("report.html"),
) -> None:
    """Write one HTML page about what is in the store so far, and print the results."""
    from lingraft.planning import manifests_of
    from lingraft.report.page import render

    resource, planned = _planned(file)
    manifests = manifests_of(planned)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(render(resource.metadata.name, planned, manifests), encoding="utf-8")
    print(f"report: {output}")
    _finish(resource, planned, manifests, json=False)


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


def _planned(file: Path) -> "tuple[LanguageAdaptation, Plan]":
    from lingraft.files import load_resource
    from lingraft.planning import plan_resource

    resource = load_resource(file)
    return resource, plan_resource(resource)


def _finish(
    resource: "LanguageAdaptation",
    plan: "Plan",
    manifests: "dict[str, Manifest]",
    *,
    json: bool,
) -> None:
    """Print the results; a failed gate is an exit code of its own."""
    from lingraft.floors import evaluation_of, remarks
    from lingraft.gates import gate_results
    from lingraft.plan.costs import costs_of
    from lingraft.report.terminal import result_lines
    from lingraft.views.events import Events

    graft = manifests.get("graft")
    metrics = graft.metrics if graft else {}
    gates = gate_results(resource.spec.tasks, evaluation_of(metrics)) if graft else []
    passed = all(gate.passed for gate in gates)
    if json:
        Events().event(
            "result",
            metrics=metrics,
            gatesPassed=passed,
            costs=costs_of(plan).to_json(),
            warnings=[*plan.warnings, *remarks(metrics)],
        )
    else:
        print("\n".join(["", *result_lines(plan, manifests, gates)]))
    if not passed:
        raise typer.Exit(GATE_FAILED)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run a command; errors become one sentence and an exit code."""
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
