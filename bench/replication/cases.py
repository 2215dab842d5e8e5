"""One language and one test set: every arm's curve on it, and who is compared with whom."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from bench.replication.analysis import Comparison, Curve, compare, final_of
from bench.replication.bootstrap import Array, Draws, Interval
from bench.replication.floors import floor
from bench.replication.measure import Measured
from bench.replication.preset import Preset
from bench.replication.stages import graft_name
from lingraft.cache import cache_dir
from lingraft.formats import group_of, read_examples
from lingraft.resource.tasks import Task
from lingraft.sources import fetch_source

HELD_OUT = "held-out text"
"""The task without labels: bits per byte of masked words, the fewer the better."""


@dataclass(frozen=True)
class Case:
    """One language and test set.

    Attributes:
        language: Of the tests.
        task: Its name, or HELD_OUT.
        rule: What gives the floor.
        floor: Its score; None where it is of an arm that is not done.
        examples: How many there are.
        groups: In how many groups they are drawn: chapters, packages.
        runs: Arm to its runs, one a seed of step 2.
        curves: Arm to its curve; of HELD_OUT in bits below nought, so that higher is better.
        finals: Arm to final score.
        comparisons: Arm and reference to what came of it.
    """

    language: str
    task: str
    rule: str
    floor: float | None
    examples: int
    groups: int
    runs: Mapping[str, Sequence[Measured]]
    curves: Mapping[str, Curve]
    finals: Mapping[str, Interval]
    comparisons: Mapping[tuple[str, str], Comparison]

    @property
    def sign(self) -> int:
        """What a score is multiplied with to be shown."""
        return -1 if self.task == HELD_OUT else 1

    @property
    def shown_floor(self) -> float | None:
        """The floor as scores are shown."""
        return None if self.floor is None else self.sign * self.floor

    @property
    def no_signal(self) -> list[str]:
        """References that have not learned the task."""
        found = [ref for (_, ref), one in self.comparisons.items() if not one.signal]
        return [*dict.fromkeys(found)]


def cases_of(preset: Preset, measured: Sequence[Measured]) -> list[Case]:
    """Every language and task of what is done, each followed by the language's held-out text."""
    found: list[Case] = []
    for language, its_runs in groupby(measured, key=lambda one: one.run.language):
        arms: dict[str, list[Measured]] = {}
        for one in its_runs:
            arms.setdefault(one.run.arm, []).append(one)
        tasks = next(iter(arms.values()))[0].run.resource.spec.tasks
        found += [_of_task(preset, language, t, arms) for t in tasks if t.format != "retrieval"]
        found.append(_held_out(preset, language, arms))
    return found


def _of_task(
    preset: Preset, language: str, task: Task, arms: Mapping[str, Sequence[Measured]]
) -> Case:
    plan = next(iter(arms.values()))[0].plan
    sources = {one.uri: one for one in plan.sources}
    assert task.train is not None
    train, test = (sources[uri] for uri in (task.train, task.test))
    rule, scores = floor(train, test, task.format, language)
    read = read_examples(fetch_source(test, cache_dir()), task.format, language, "test")
    groups = [group_of(row) or str(number) for number, row in enumerate(read.rows)]
    curves = {
        arm: _curve(runs, [one.scores[task.name] for one in runs]) for arm, runs in arms.items()
    }
    floors = dict.fromkeys(curves, np.array(scores))
    shown = float(np.mean(scores))
    return case_of(preset, language, task.name, (rule, shown), floors, groups, arms, curves)


def _held_out(preset: Preset, language: str, arms: Mapping[str, Sequence[Measured]]) -> Case:
    """The floor of each comparison is where its reference stands before it is trained."""
    curves = {
        arm: _curve(runs, [-one.bits[:, None, None] for one in runs]) for arm, runs in arms.items()
    }
    floors = {arm: curve.scores[:, 0].mean(axis=(0, 1)) for arm, curve in curves.items()}
    shown = float(floors[preset.reference].mean()) if preset.reference in floors else None
    rule = f"{preset.reference} before step 2"
    return case_of(preset, language, HELD_OUT, (rule, shown), floors, ["all"], arms, curves)


def case_of(
    preset: Preset,
    language: str,
    task: str,
    floor: tuple[str, float | None],
    floors: Mapping[str, Array],
    groups: Sequence[str],
    arms: Mapping[str, Sequence[Measured]],
    curves: Mapping[str, Curve],
) -> Case:
    """Every comparison with an arm is over that arm's floor, [N]."""
    draws = Draws(groups)
    books = [one.partition(":")[0] for one in groups]
    wide = Draws(books) if books != list(groups) else None
    return Case(
        language=language,
        task=task,
        rule=floor[0],
        floor=floor[1],
        examples=len(groups),
        groups=len(set(groups)),
        runs=arms,
        curves=curves,
        finals={arm: final_of(curve, draws) for arm, curve in curves.items()},
        comparisons={
            (arm, ref): compare(curves[arm], curves[ref], floors[ref], draws, wide)
            for arm, ref in _pairs(preset, curves)
        },
    )


def _pairs(preset: Preset, curves: Mapping[str, Curve]) -> Iterator[tuple[str, str]]:
    for arm, curve in curves.items():
        for ref in preset.references_of(arm):
            if ref in curves and set(curve.runs) & set(curves[ref].runs):
                yield arm, ref


def _curve(runs: Sequence[Measured], scores: Sequence[Array]) -> Curve:
    first = runs[0]
    return Curve(
        flops=np.mean([one.flops for one in runs], axis=0),
        seconds=np.mean([one.seconds for one in runs], axis=0),
        scores=np.stack(scores),
        runs=tuple(one.run.seed for one in runs),
        base=first.manifests[graft_name(first.steps[-1])].stage.inputs["base"],
        once=first.once,
    )
