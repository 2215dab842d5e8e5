"""Whether a version may follow the one that holds. Pure."""

from collections.abc import Mapping
from typing import Any

from lingraft.errors import UserError
from lingraft.floors import standings
from lingraft.publish.record import Published

FIELD = "spec.publish.noWorseThan"


def scores_of(metrics: Mapping[str, Any], tests: Mapping[str, str]) -> dict[str, float]:
    """A graft's scores by task, metric and test data, which alone make two comparable.

    Args:
        metrics: The graft's.
        tests: Fingerprint of each task's test data.
    """
    return {
        f"{one.task}/{one.metric}/{tests[one.task]}": one.value
        for one in standings(metrics)
        if one.value is not None
    }


def no_worse(new: Mapping[str, float], incumbent: Published | None, margin: float) -> None:
    """Refuse a version that scores less than the one that holds, on the same test data.

    Args:
        new: The new one's scores.
        incumbent: What holds; None: nothing does.
        margin: By how much a score may be less, 0 to 1.

    Raises:
        UserError: A score is less, or is no number; names it.
    """
    if incumbent is None:
        return
    for name, before in incumbent.scores.items():
        if name not in new or new[name] >= before - margin:
            continue
        task, metric, _ = name.split("/")
        raise UserError(
            f"{task}: {metric} {new[name]:.3f} is worse than that of the current version "
            f"{incumbent.version} ({before:.3f}, margin {margin:g}), which stays",
            where=FIELD,
        )
