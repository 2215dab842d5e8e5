"""What was measured, as a table of ratios."""

from typing import Any

from bench.trainer.case import Case
from bench.trainer.watch import PARTS

HEADINGS = ("tokens/s", "rate", "CPU", "FLOPs", "memory", "MiB", "of peak", *PARTS)


def table(case: Case, peaks: dict[str, float], sides: dict[str, Any]) -> str:
    """One case. Ratios are against `Trainer` through all layers.

    Args:
        case: What was compared.
        peaks: GFLOP/s of a matrix product in each side's precision.
        sides: Contender to its medians.

    `rate` is by wall clock and `CPU` by CPU time, which other work on the machine disturbs
    less; `FLOPs` is the bound by formula; the parts are milliseconds of an update.
    """
    lines = [
        f"\n{case.layers} layers x {case.hidden}, vocabulary {case.vocabulary}, "
        f"{case.batch_tokens} tokens in rows of {case.length}; "
        + ", ".join(
            f"{side} in {case.precision_of(side)}, whose products reach {peak:.0f} GFLOP/s"
            for side, peak in peaks.items()
        ),
        f"{'':<12}" + "".join(f"{heading:>10}" for heading in HEADINGS),
    ]
    usual = sides[f"trainer-{case.layers}"]
    for name, side in sides.items():
        cells = [
            f"{side['tokensPerSecond']:.0f}",
            f"{usual['seconds'] / side['seconds']:.2f}x",
            f"{usual['cpuSeconds'] / side['cpuSeconds']:.2f}x",
            f"{usual['flopsPerToken'] / side['flopsPerToken']:.2f}x",
            f"{side['peakMib'] / usual['peakMib']:.2f}x",
            f"{side['peakMib']:.0f}",
            f"{100 * side['gflops'] / peaks[side['side']]:.0f} %",
            *(f"{1000 * side['parts'][part]:.0f}" for part in PARTS),
        ]
        lines.append(f"{name:<12}" + "".join(f"{cell:>10}" for cell in cells))
    full, mini = sides[f"ours-{case.layers}"], sides[f"ours-{case.layers // 3}"]
    gain = full["seconds"] / mini["seconds"]
    cpu = full["cpuSeconds"] / mini["cpuSeconds"]
    bound = full["flopsPerToken"] / mini["flopsPerToken"]
    lines.append(
        f"the mini-model over Standard: {gain:.2f}x (CPU {cpu:.2f}x) of {bound:.2f}x by FLOPs"
    )
    return "\n".join(lines)
