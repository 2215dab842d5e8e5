"""The command line. Thin: each command imports what it needs, so that `--help` is instant."""

import sys
import typing
from pathlib import Path
from typing import Annotated

import typer

if typing.TYPE_CHECKING:
    from lingraft.files import Loaded
    from lingraft.gates import GateResult
    from lingraft.plan import Plan
    from lingraft.stage import Manifest
    from lingraft.views.live import LiveView
    from lingraft.views.plain import PlainView

GATE_FAILED = 3

# Plain help and no tracebacks of typer's own: both would load all of rich for every command.
app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Teach a pretrained language model a new language. Exit codes: 0 fine, 1 failed, "
    "2 your input must change, 3 a quality gate failed, 130 stopped.",
)

File = Annotated[Path, typer.Option("--file", "-f", help="A LanguageAdaptation YAML file.")]
Files = Annotated[
    list[Path], typer.Option("--file", "-f", help="A YAML file; may be given several times.")
]
Json = Annotated[bool, typer.Option("--json", help="JSON for machines on stdout.")]
Workers = Annotated[int, typer.Option(min=0, help="Ray workers; 0: train in this process.")]
Threads = Annotated[int, typer.Option(min=0, help="CPU threads per worker; 0: all cores.")]
Precision = Annotated[typing.Literal["auto", "fp32", "bf16"], typer.Option(help="Of training.")]
Plain = Annotated[bool, typer.Option("--plain", help="Lines, on a terminal too.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="The HTML file to write.")]


@app.command()
def validate(file: Files) -> None:
    """Check resource files: every error, with its line and field. Uses no network."""
    from lingraft.files import check_file

    checked = [check_file(path) for path in file]
    problems = [problem for _, found in checked for problem in found]
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        raise typer.Exit(2)
    for path, (loaded, _) in zip(file, checked, strict=True):
        names = ", ".join(one.resource.metadata.name for one in loaded)
        print(f"{path}: valid ({names})")


@app.command()
def plan(file: File, json: Json = False) -> None:
    """Show the stages, what is cached and what it will cost, before anything is spent."""
    from lingraft.shell import command

    with command() as shell:
        loaded, planned = _plan(file)
        with shell.locating(loaded):
            from lingraft.planning import cached_stages

            cached = cached_stages(planned)
        from lingraft.views.tables import plan_json, print_plan

        if json:
            shell.print_json(plan_json(planned, cached))
        else:
            print_plan(shell.console, planned, cached)


@app.command()
def run(
    file: File,
    workers: Workers = 0,
    threads: Threads = 0,
    precision: Precision = "auto",
    json: Json = False,
    plain: Plain = False,
) -> None:
    """Run the whole plan on this machine; what is in the store already is not run again."""
    from lingraft.shell import command

    with command(events=json) as shell:
        from lingraft.stage import Execution
        from lingraft.views.tables import print_result, result_json

        loaded, planned = _plan(file)
        run_plan = _executor()
        execution = Execution(workers=workers, threads=threads, precision=precision)
        with shell.locating(loaded):
            if shell.json is not None:
                manifests = run_plan(planned, execution, shell.json)
            else:
                with _view(planned, plain, shell.console.is_terminal) as view:
                    manifests = run_plan(planned, execution, view)
        gates = _gates(loaded, manifests)
        if shell.json is not None:
            shell.json.event("result", **result_json(planned, manifests, gates))
        else:
            shell.console.print()
            print_result(shell.console, planned, manifests, gates)
        if not all(gate.passed for gate in gates):
            raise typer.Exit(GATE_FAILED)


@app.command()
def report(file: File, output: Output = Path("report.html")) -> None:
    """Write a page about what is done so far, and print the results."""
    from lingraft.shell import command

    with command() as shell:
        from lingraft.planning import manifests as look_up
        from lingraft.report.facts import facts_of
        from lingraft.report.page import render
        from lingraft.store.disk import disk_errors
        from lingraft.views.tables import print_result

        loaded, planned = _plan(file)
        with shell.locating(loaded):
            found = look_up(planned)
        gates = _gates(loaded, found)
        facts = facts_of(loaded.resource, planned, gates)
        page = render(loaded.resource.metadata.name, found, facts)
        with disk_errors(output):
            output.write_text(page, encoding="utf-8")
        print_result(shell.console, planned, found, gates)
        shell.console.print(f"report: {output}", soft_wrap=True, highlight=False)


@app.command()
def version() -> None:
    """Print the version."""
    from lingraft import __version__

    print(__version__)


def _plan(file: Path) -> "tuple[Loaded, Plan]":
    from lingraft.files import load_one
    from lingraft.planning import plan_resource
    from lingraft.shell import located

    loaded = load_one(file)
    with located(loaded):
        return loaded, plan_resource(loaded.resource)


def _gates(loaded: "Loaded", manifests: "dict[str, Manifest]") -> "list[GateResult]":
    """The gates, once there is something to judge."""
    from lingraft.gates import gate_results
    from lingraft.results import graft_metrics, sequence

    metrics = graft_metrics(manifests)
    if not metrics:
        return []
    return gate_results(loaded.resource.spec.tasks, sequence(metrics.get("evaluation")))
