"""The paper's claim, measured: `python -m bench.replication --preset cpu-smoke`.

Says what it will cost, runs what is not in the store yet, and writes the report to
`.demo/replication/<preset>/`. It is made of the same stages as `lingraft run`: stop it, and the
same command goes on. `--language` runs a preset in parts; each part's report is of what is done.

`--write DIR` gives a cluster its files instead: first those of the search for learning rates,
then, where their results can be read, those of the runs. What a cluster has computed is not
computed again here: of a run that is Ready the evaluations of its snapshots are left to do.
"""

import argparse
import os
import signal
import sys
from pathlib import Path

from bench.replication.prepare import prepare
from bench.replication.preset import PRESETS, ROOT, Preset, Run, load_preset
from bench.replication.rates import Judged, chosen_rates, decided, judge, searched
from bench.replication.resources import write_preset
from bench.replication.runs import assumed, done_of, execute, measured, planned
from bench.replication.stages import CORE_GFLOPS, GPU_GFLOPS, cost_lines
from lingraft.errors import LingraftError, UserError
from lingraft.planning import plan_resource

OUT = ROOT / ".demo" / "replication"


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
    parser.add_argument(
        "--precision",
        choices=["fp32", "bf16", "auto"],
        default="fp32",
        help="of what is trained; auto: what this machine is faster in, as `lingraft run` has it",
    )
    parser.add_argument("--cost", action="store_true", help="say the cost and end")
    parser.add_argument("--report", action="store_true", help="only report what is done")
    parser.add_argument(
        "--write",
        type=Path,
        metavar="DIR",
        help="write the resources of the search, or of the runs too if it is done, and end",
    )
    arguments = parser.parse_args()
    if arguments.jobs < 1:
        parser.error("--jobs: at least 1")
    preset = load_preset(arguments.preset)
    languages = arguments.language or preset.languages
    arms = arguments.arm or list(preset.arms)

    search = searched(preset, arms)

    def runs(judged: Judged) -> list[Run]:
        """A seed of every arm before the next one: what is done early can be compared."""
        rates = chosen_rates(preset, arms, judged).items()
        seeds = range(preset.seeds)
        return [preset.run(a, one, s, r) for one in languages for s in seeds for a, r in rates]

    prepare(preset, [*search, *runs({})])
    if arguments.write:
        return write_preset(search, runs, arguments.write)
    unseen = arguments.cost and not preset.on_bibles
    judged = {} if unseen else judge(search)
    if not arguments.report:
        say_cost(preset, search, runs(judged), unseen=unseen)
    if arguments.cost:
        return None
    if not arguments.report:
        how = arguments.jobs, arguments.precision
        execute({run.label: plan_resource(run.resource) for run in search}, *how)
        judged = judge(search)
        execute({run.label: planned(preset, run) for run in runs(judged)}, *how)
    from bench.replication.report import write_report

    known = decided(preset, arms, judged)
    if not known:
        raise UserError(
            "no learning rate is chosen yet; run it without --report", where=preset.name
        )
    if left := [arm for arm in arms if arm not in known]:
        print(f"left out, for their search is not done: {', '.join(left)}")
    done = measured(preset, [run for run in runs(judged) if run.arm in known])
    write_report(preset, done, judged, OUT / preset.name)
    print(f"report: {OUT / preset.name / 'report.html'}")
    return None


def say_cost(preset: Preset, search: list[Run], runs: list[Run], *, unseen: bool) -> None:
    """What is still to be spent; of a search's runs step 2 alone.

    Args:
        preset: For its name.
        search: To choose learning rates by.
        runs: At the rates that are chosen, or at the grid's first where nothing is yet.
        unseen: No text can be looked at: it is in a cluster's store.
    """
    pins = {run: assumed(run) if unseen else {} for run in [*search, *runs]}
    plans = [planned(preset, run, pins[run]) for run in runs]
    plans += [plan_resource(run.resource, pins[run]) for run in search]
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
