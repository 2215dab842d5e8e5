"""What a graft scores, as points of curves over the updates that its embeddings took."""

from collections.abc import Mapping, Sequence
from typing import Any

from lingraft.params import EmbedParams
from lingraft.stage import Manifest

_LOSSES = ("maskedLmLoss", "causalLmLoss")


def updates_of(ancestors: Mapping[str, Manifest]) -> int:
    """Updates of step 2."""
    stages = (manifest.stage for manifest in ancestors.values())
    params = next(stage.params for stage in stages if stage.kind == "embed")
    return EmbedParams.model_validate(params).training.steps


def curves(
    heldout: Mapping[str, Any] | None, evaluation: Sequence[Mapping[str, Any]], updates: int
) -> list[tuple[int, dict[str, float]]]:
    """Updates, and what was scored after them, by name.

    Args:
        heldout: Of held-out text, with its start, the untouched base and some of what was learned
            between; None without a head.
        evaluation: Of every task.
        updates: That the embeddings were learned in.
    """
    found: list[tuple[int, dict[str, float]]] = []
    last: dict[str, float] = {}
    if heldout is not None:
        if heldout["start"] is not None:
            found.append((0, _shown(heldout["start"])))
        found += [(one["step"], _shown(one)) for one in heldout.get("between", ())]
        last |= _shown(heldout)
        if heldout["untouched"] is not None:
            last["heldout/bitsPerByte/untouched"] = heldout["untouched"]["bitsPerByte"]
    for task in evaluation:
        for metric, score in task["metrics"].items():
            name = f"{task['task']}/{metric}"
            last[name] = score["mean"]
            if (untouched := task["floors"][metric]["untouched"]) is not None:
                last[f"{name}/untouched"] = untouched["mean"]
    return [*found, (updates, last)] if last else found


def _shown(score: Mapping[str, Any]) -> dict[str, float]:
    loss = next(score[name] for name in _LOSSES if name in score)
    return {"heldout/loss": loss, "heldout/bitsPerByte": score["bitsPerByte"]}
