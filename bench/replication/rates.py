"""Step 2's peak learning rate: the same grid for every arm, and no label looked at."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from bench.replication.preset import Preset, Run
from lingraft.planning import manifests_of, plan_resource

Judged = Mapping[tuple[str, float], float]
"""Held-out bits per byte through the full model, by arm and rate."""


def searched(preset: Preset, arms: Iterable[str]) -> list[Run]:
    """The runs that rates are chosen by: each arm at every rate, one seed, without tasks."""
    if len(preset.learning_rates) == 1:
        return []
    language, grid = preset.search_language or "", preset.learning_rates
    judged = dict.fromkeys(preset.rates_like.get(arm, arm) for arm in arms)
    return [_search(preset.run(arm, language, 0, rate)) for arm in judged for rate in grid]


def _search(run: Run) -> Run:
    spec = run.resource.spec.model_copy(update={"tasks": []})
    named = run.resource.metadata.model_copy(
        update={"name": f"{run.resource.metadata.name}-search"}
    )
    resource = run.resource.model_copy(update={"metadata": named, "spec": spec})
    return replace(run, resource=resource)


def judge(runs: Sequence[Run]) -> dict[tuple[str, float], float]:
    """What those of the search that are done have come to."""
    ends = {run: manifests_of(plan_resource(run.resource)).get("graft") for run in runs}
    return {
        (run.arm, run.learning_rate): end.metrics["heldout"]["bitsPerByte"]
        for run, end in ends.items()
        if end is not None and end.metrics["heldout"]
    }


def decided(preset: Preset, arms: Iterable[str], judged: Judged) -> list[str]:
    """The arms whose whole grid is judged; all of them where there is nothing to choose."""
    grid = preset.learning_rates
    return [
        arm
        for arm in arms
        if len(grid) == 1 or all((preset.rates_like.get(arm, arm), r) in judged for r in grid)
    ]


def chosen_rates(preset: Preset, arms: Iterable[str], judged: Judged) -> dict[str, float]:
    """Each arm's rate: of the least held-out loss; the grid's first where none is judged."""
    rates: dict[str, float] = {}
    for arm in arms:
        like = preset.rates_like.get(arm, arm)
        tried = {rate: bits for (name, rate), bits in judged.items() if name == like}
        rates[arm] = min(tried, key=lambda r: tried[r]) if tried else preset.learning_rates[0]
    return rates
