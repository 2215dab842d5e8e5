"""The paper's claim, measured: `python -m bench.replication --preset cpu-smoke`.

Says what it will cost, runs what is not in the store yet, and writes the report to
`.demo/replication/<preset>/`. It is made of the same stages as `lingraft run`: stop it, and the
same command goes on. `--language` runs a preset in parts; each part's report is of what is done.
"""

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import yaml

from bench.replication.measure import Measured, measure
from bench.replication.preset import PRESETS, ROOT, Preset, Run, load_preset
from bench.replication.stages import (
    CORE_GFLOPS,
    GPU_GFLOPS,
    cost_lines,
    distinct,
    for_search,
    with_snapshots,
)
from lingraft.errors import LingraftError
from lingraft.plan import Plan, source_uris
from lingraft.planning import manifests_of, plan_resource
from lingraft.sources import pin
from lingraft.stage import Manifest, Source

OUT = ROOT / ".demo" / "replication"
ASSUMED_BYTES = 30_000_000
"""Of a task's data, where only the cost is asked for and there are none."""
PARTS = (4, 16)
"""Parts of texts and of fine-tuning data, as denominators."""
TRAIN = "genre/en-train.jsonl"


def searched(preset: Preset, arms: Iterable[str]) -> list[Run]:
    """The runs that learning rates are chosen by: each arm at every rate, one seed."""
    if len(preset.learning_rates) == 1:
        return []
    language, grid = preset.search_language or "", preset.learning_rates
    judged = dict.fromkeys(preset.rates_like.get(arm, arm) for arm in arms)
    return [preset.run(arm, language, 0, rate) for arm in judged for rate in grid]


def chosen_rates(
    preset: Preset, arms: Iterable[str], judged: Mapping[tuple[str, float], float]
) -> dict[str, float]:
    """Each arm's rate: of the least held-out loss through the full model, which knows no label.

    Args:
        preset: With the grid.
        arms: To be run.
        judged: Bits per byte by arm and rate; empty where there is no search.
    """
    rates: dict[str, float] = {}
    for arm in arms:
        like = preset.rates_like.get(arm, arm)
        tried = {rate: bits for (name, rate), bits in judged.items() if name == like}
        rates[arm] = min(tried, key=lambda r: tried[r]) if tried else preset.learning_rates[0]
    return rates


def planned(preset: Preset, run: Run, pins: Mapping[str, Source] = MappingProxyType({})) -> Plan:
    """A run's stages, over what is pinned already and what is found."""
    plan = plan_resource(run.resource, pins)
    return with_snapshots(plan, preset.snapshots, preset.evaluate_every)


def assumed(run: Run) -> dict[str, Source]:
    """Pins for what is not there yet, so that its cost can be said: no step depends on sizes."""
    uris = source_uris(run.resource.spec).values()
    return {uri: pin(uri, [("text.txt", ASSUMED_BYTES, uri)]) for uri in uris}


def done_of(plans: list[Plan]) -> dict[str, Manifest]:
    """What is in the store already, by its place there."""
    return {m.stage.ref: m for plan in plans for m in manifests_of(plan).values()}


def execute(named: Mapping[str, Plan], jobs: int) -> None:
    """Run what is not done of all plans, each named for people; they share most stages."""
    from bench.replication.schedule import run_stages

    stages = distinct(named.values())
    labels: dict[str, str] = {}
    for name, plan in named.items():
        for one in plan.stages:
            labels.setdefault(one.stage.ref, f"{name}: {one.name}")
    run_stages(stages, labels, set(done_of([*named.values()])), jobs)


def search_plan(
    preset: Preset, run: Run, pins: Mapping[str, Source] = MappingProxyType({})
) -> Plan:
    """As `planned`, of a run that only chooses a rate."""
    return for_search(plan_resource(run.resource, pins), preset.snapshots)


def judge(preset: Preset, runs: Sequence[Run]) -> dict[tuple[str, float], float]:
    """Bits per byte of every arm and rate of the search that is done."""
    ends = {run: manifests_of(search_plan(preset, run)).get("graft") for run in runs}
    return {
        (run.arm, run.learning_rate): end.metrics["heldout"]["bitsPerByte"]
        for run, end in ends.items()
        if end is not None and end.metrics["heldout"]
    }


def measured(preset: Preset, runs: Sequence[Run]) -> list[Measured]:
    """The curves of all runs that are done."""
    plans = {run: planned(preset, run) for run in runs}
    found = {run: manifests_of(plan) for run, plan in plans.items()}
    return [
        measure(run, plan, found[run])
        for run, plan in plans.items()
        if len(found[run]) == len(plan.stages)
    ]


def prepare(preset: Preset) -> None:
    """Fetch and write the text and tasks of the Bibles, where the preset is on them."""
    if not preset.on_bibles:
        return
    examples, data = ROOT / "examples", ROOT / ".demo"
    of_task = {task["name"]: task.get("languages", preset.languages) for task in preset.tasks}
    languages = list(dict.fromkeys(filter(None, [*preset.languages, preset.search_language])))
    commands = [["bible/prepare.py", "--languages", *languages]]
    if "paraphrase" in of_task:
        commands.append(["bible/paraphrase.py", "--languages", *of_task["paraphrase"]])
    if "sections" in of_task:
        commands.append(["debian/sections.py"])
    for script, *options in commands:
        place = data / Path(script).parent
        command = [sys.executable, str(examples / script), *options, "--out", str(place)]
        subprocess.run(command, check=True)
    texts = [data / "bible" / f"{language}.txt" for language in languages]
    for file, between in [(text, "\n\n") for text in texts] + [(data / "bible" / TRAIN, "\n")]:
        for part in PARTS:
            write_part(file, part, between)


def write_part(file: Path, part: int, between: str) -> None:
    """Every `part`-th piece of a file: chapters of a text, examples of a task."""
    pieces = file.read_text(encoding="utf-8").rstrip().split(between)
    text = between.join(pieces[::part]) + "\n"
    name = f"{file.stem}-{part}th{file.suffix}"
    file.with_name(name).write_text(text, encoding="utf-8", newline="\n")


def write_resources(preset: Preset, folder: Path) -> None:
    """The preset as files for `kubectl apply` or `lingraft run`, one a run."""
    folder.mkdir(parents=True, exist_ok=True)
    for language in preset.languages:
        for arm in preset.arms:
            for seed in range(preset.seeds):
                for rate in preset.learning_rates:
                    resource = preset.run(arm, language, seed, rate).resource
                    content = resource.model_dump(mode="json", by_alias=True, exclude_unset=True)
                    file = folder / f"{resource.metadata.name}.yaml"
                    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    print(f"{folder}: {len(list(folder.glob('*.yaml')))} files")


def main() -> None:
    """Parse the command line; state the cost; run; report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", required=True, choices=[p.stem for p in PRESETS.glob("*.yaml")])
    parser.add_argument("--language", action="append", help="only this one; may be repeated")
    parser.add_argument("--arm", action="append", help="only this one; may be repeated")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count(), help="stages at a time, which share the cores"
    )
    parser.add_argument("--cost", action="store_true", help="say the cost and end")
    parser.add_argument("--report", action="store_true", help="only report what is done")
    parser.add_argument("--write", type=Path, metavar="DIR", help="write the resources and end")
    arguments = parser.parse_args()
    if arguments.jobs < 1:
        parser.error("--jobs: at least 1")
    preset = load_preset(arguments.preset)
    if arguments.write:
        return write_resources(preset, arguments.write)
    languages = arguments.language or preset.languages
    arms = arguments.arm or list(preset.arms)
    prepare(preset)

    def runs(rates: Mapping[str, float]) -> list[Run]:
        """A seed of every arm before the next one: what is done early can be compared."""
        seeds = range(preset.seeds)
        return [preset.run(a, one, s, rates[a]) for one in languages for s in seeds for a in arms]

    search = searched(preset, arms)
    if not arguments.report:
        unseen = arguments.cost and not preset.on_bibles
        known = {} if unseen else judge(preset, search)
        say_cost(preset, search, runs(chosen_rates(preset, arms, known)), unseen)
        if arguments.cost:
            return None
        execute({run.label: search_plan(preset, run) for run in search}, arguments.jobs)
    judged = judge(preset, search)
    rates = chosen_rates(preset, arms, judged)
    if not arguments.report:
        execute({run.label: planned(preset, run) for run in runs(rates)}, arguments.jobs)
    from bench.replication.report import write_report

    write_report(preset, measured(preset, runs(rates)), judged, OUT / preset.name)
    print(f"report: {OUT / preset.name / 'report.html'}")
    return None


def say_cost(preset: Preset, search: list[Run], runs: list[Run], unseen: bool) -> None:
    """What is still to be spent; of a search's runs step 2 alone.

    Args:
        preset: For its name.
        search: To choose learning rates by.
        runs: At the rates that are chosen, or at the grid's first where nothing is yet.
        unseen: No text can be looked at: it is in a cluster's store.
    """
    pins = {run: assumed(run) if unseen else {} for run in [*search, *runs]}
    plans = [planned(preset, run, pins[run]) for run in runs]
    plans += [search_plan(preset, run, pins[run]) for run in search]
    done = {} if unseen else done_of(plans)
    print(f"{preset.name}: {len(runs)} runs of step 2, {len(search)} to choose learning rates by")
    guess = CORE_GFLOPS if preset.on_bibles else GPU_GFLOPS
    print("\n".join(cost_lines(plans, done, guess)), flush=True)


if __name__ == "__main__":
    # The stages are processes of their own: they are to be ended, and leave checkpoints.
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("stopped; run the same command to resume")
    except LingraftError as error:
        sys.exit(f"error: {error}")
