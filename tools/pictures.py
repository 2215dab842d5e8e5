"""The pictures of README and docs/speed.md, drawn anew: pictures.py [FOLDER].

Their figures stand beside the text that quotes them: curve.csv was read off
`docs/results/cpu-recipe/cpu-recipe-fr-held-out-text-flops.svg`, whose ends its report gives;
`SPEED` is of docs/speed.md. `method.svg` was drawn by hand.
"""

import csv
import sys
from pathlib import Path

from lingraft.report.charts import COLOURS, Bar, bars, element, new_figure

FOLDER = Path(__file__).parent.parent / "docs/pictures"
NAMES = {"standard": ("Standard", "other"), "own-short": ("lingraft (Auto)", "accent")}
SPEED = {
    "CPU, fp32": (2.52, 5.62),
    "CPU with AMX, bf16": (4.74, 9.13),
    "GPU (H100), bf16": (2.26, 5.26),
}
"""By machine: through all 12 layers, and through a mini-model of 4; Trainer through 12 is 1."""
STYLE = (
    "<style>svg{--ink:#1d2228;--grid:#d4dae0;--faint:#b4bec8;--accent:#0b62a8;--other:#b35309;"
    "--good:#147a3d}@media(prefers-color-scheme:dark){svg{--ink:#e8eaed;--grid:#3a424b;"
    "--faint:#566069;--accent:#6db8f2;--other:#f0a55c;--good:#5fce88}}"
    "text{font-family:system-ui,sans-serif}</style>"
)
"""An image has no style sheet but its own."""


def alone(svg: str) -> str:
    """A chart as a file of its own."""
    head, _, rest = svg.partition(">")
    return f'{head} xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">{STYLE}{rest}'


def curve() -> str:
    """Bits per byte over compute: how far the same quality lies apart."""
    points: dict[str, list[tuple[float, float]]] = {}
    with (FOLDER / "curve.csv").open(encoding="utf-8") as file:
        for arm, cost, bits in csv.reader(list(file)[1:]):
            points.setdefault(arm, []).append((float(cost) / 1e12, float(bits)))
    figure, axes = new_figure(2.3)
    for arm, line in points.items():
        name, colour = NAMES[arm]
        axes.plot(*zip(*line, strict=True), color=COLOURS[colour], marker="o", ms=3.5, label=name)
    level = points["standard"][-1][1]
    axes.axhline(level, color=COLOURS["faint"], linewidth=1, linestyle="--")
    axes.set_xlabel("compute of learning French, 10¹² FLOPs")
    axes.set_ylabel("bits per byte")
    axes.grid(color=COLOURS["grid"], linewidth=0.7)
    axes.legend(frameon=False, labelcolor=COLOURS["ink"])
    return element(figure, "Held-out French: bits per byte over compute, Standard and lingraft")


def speed() -> str:
    """Times as fast as the Trainer of transformers."""
    rows = [Bar("transformers' Trainer", [("faint", 1.0)], "1x")]
    for machine, (whole, mini) in SPEED.items():
        rows.append(Bar(f"{machine}: 12 layers", [("other", whole)], f"{whole}x"))
        rows.append(Bar("mini-model", [("accent", mini)], f"{mini}x"))
    return bars("Updates of step 2, times as fast as transformers' Trainer", rows)


def main() -> None:
    """Write both."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    (folder / "curve.svg").write_text(alone(curve()), encoding="utf-8")
    (folder / "speed.svg").write_text(alone(speed()), encoding="utf-8")


if __name__ == "__main__":
    main()
