"""The paper's claim, measured: `python -m bench.replication --preset cpu-smoke`.

Says what it will cost, runs what is not in the store yet, and writes the report to
`.demo/replication/<preset>/`. It is made of the same stages as `lingraft run`: stop it, and the
same command goes on. `--language` runs a preset in parts; each part's report is of what is done.
"""

import argparse
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import yaml

from bench.replication.measure import Measured, measure
from bench.replication.preset import PRESETS, ROOT, Preset, Run, load_preset
from bench.replication.stages import CORE_GFLOPS, GPU_GFLOPS, cost_lines, with_snapshots
from lingraft.errors import LingraftError
from lingraft.plan import Plan, source_uris
from lingraft.planning import manifests_of, plan_resource
from lingraft.sources import pin
from lingraft.stage import Execution, Manifest, Source
from lingraft.views.plain import Plain

OUT = ROOT / ".demo" / "replication"
ASSUMED_BYTES = 30_000_000
"""Of a task's data, where only the cost is asked for and there are none."""
PARTS = (4, 16)
"""Parts of texts and of fine-tuning data, as denominators."""
TRAIN = "genre/en-train.jsonl"


def searched(preset: Preset) -> list[Run]:
    """The runs that the learning rate is chosen by: every arm at every rate, one seed."""
    if len(preset.learning_rates) == 1:
        return []
    language = preset.search_language or preset.languages[0]
    grid = preset.learning_rates
    return [preset.run(arm, language, 0, rate) for arm in preset.arms for rate in grid]


def chosen_rates(preset: Preset, found: list[Measured]) -> dict[str, float]:
    """Each arm's rate: of the least held-out loss through the full model, which knows no label."""
    rates = dict.fromkeys(preset.arms, preset.learning_rates[0])
    for arm in rates:
        tried = [one for one in found if one.run.arm == arm]
        if tried:
            rates[arm] = min(tried, key=lambda one: one.bits[-1]).run.learning_rate
    return rates


def planned(preset: Preset, run: Run, pins: Mapping[str, Source] = MappingProxyType({})) -> Plan:
    """A run's stages, over what is pinned already and what is found."""
    return with_snapshots(plan_resource(run.resource, pins), preset.snapshots)


def assumed(run: Run) -> dict[str, Source]:
    """Pins for what is not there yet, so that its cost can be said: no step depends on sizes."""
    uris = source_uris(run.resource.spec).values()
    return {uri: pin(uri, [("text.txt", ASSUMED_BYTES, uri)]) for uri in uris}


def done_of(plans: list[Plan]) -> dict[str, Manifest]:
    """What is in the store already, by its place there."""
    return {m.stage.ref: m for plan in plans for m in manifests_of(plan).values()}


def execute(preset: Preset, runs: list[Run], threads: int) -> list[Measured]:
    """Run what is not done, and measure all of it."""
    from lingraft_trainer.local import run_plan

    execution = Execution(threads=threads, precision="fp32")
    found: list[Measured] = []
    for run in runs:
        plan = planned(preset, run)
        manifests = manifests_of(plan)
        if len(manifests) < len(plan.stages):
            print(f"== {run.language}, {run.arm}, seed {run.seed}, rate {run.learning_rate:g}")
            with Plain() as listener:
                manifests = run_plan(plan, execution, listener)
        found.append(measure(run, plan, manifests))
    return found


def prepare(preset: Preset) -> None:
    """Fetch and write the text and tasks of the Bibles, where the preset is on them."""
    if not preset.on_bibles:
        return
    folder, data = ROOT / "examples" / "bible", str(ROOT / ".demo" / "bible")
    of_task = {task["name"]: task.get("languages", preset.languages) for task in preset.tasks}
    scripts = {"prepare.py": preset.languages, "paraphrase.py": of_task.get("paraphrase", [])}
    for script, languages in scripts.items():
        if languages:
            command = [sys.executable, str(folder / script), "--languages", *languages]
            subprocess.run([*command, "--out", data], check=True)
    texts = [Path(data, f"{language}.txt") for language in preset.languages]
    for file, between in [(text, "\n\n") for text in texts] + [(Path(data, TRAIN), "\n")]:
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
    parser.add_argument("--threads", type=int, default=0, help="of each stage; 0: all cores")
    parser.add_argument("--cost", action="store_true", help="say the cost and end")
    parser.add_argument("--write", type=Path, metavar="DIR", help="write the resources and end")
    arguments = parser.parse_args()
    preset = load_preset(arguments.preset)
    if arguments.write:
        return write_resources(preset, arguments.write)
    languages = arguments.language or preset.languages
    arms = arguments.arm or list(preset.arms)
    prepare(preset)
    first = preset.learning_rates[0]
    everything = searched(preset) + [
        preset.run(arm, language, seed, first)
        for language in languages
        for arm in arms
        for seed in range(preset.seeds)
    ]
    unseen = arguments.cost and not preset.on_bibles
    plans = [planned(preset, run, assumed(run) if unseen else {}) for run in everything]
    done = {} if unseen else done_of(plans)
    print(f"{preset.name}, {' '.join(languages)}: {len(everything)} runs of step 2")
    guess = CORE_GFLOPS if preset.on_bibles else GPU_GFLOPS
    print("\n".join(cost_lines(plans, done, guess)), flush=True)
    if arguments.cost:
        return None
    rates = chosen_rates(preset, execute(preset, searched(preset), arguments.threads))
    measured = execute(
        preset,
        [
            preset.run(arm, language, seed, rates[arm])
            for language in languages
            for arm in arms
            for seed in range(preset.seeds)
        ],
        arguments.threads,
    )
    from bench.replication.report import write_report

    write_report(preset, measured, OUT / preset.name)
    print(f"report: {OUT / preset.name / 'report.html'}")
    return None


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("stopped; run the same command to resume")
    except LingraftError as error:
        sys.exit(f"error: {error}")
