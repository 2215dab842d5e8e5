"""The demo: an English base learns French (or de, ru, vi, ar) on this machine.

    python examples/bible/demo.py [--language fr] [--quick | --compare]

Fetches the text, runs `french.yaml` (for another language the same file with that
language's data) and prints the scores beside what they must be compared with. `--quick` runs
`quick.yaml`, minutes on a base that has learned less. `--compare` adds the paper's Standard,
MiniJoint and MiniPost on the same base and from the same start. Everything is cached: a second run
is quick.
"""

import argparse
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from wheels import sha256_file

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
DEMO = ROOT / ".demo"
DATA = DEMO / "bible"
DEFAULT = "Auto"
"""The arm of `french.yaml`, which names no method."""
ARMS: dict[str, dict[str, Any]] = {
    DEFAULT: {},  # as the file has it
    "Standard": {},
    "MiniJoint": {"layers": 3},
    "MiniPost": {
        "layers": 3,
        "newLayers": 1,
        "text": {"uri": str(DATA / "en.txt")},
        "steps": 600,
        "batchTokens": 2048,
        "sequenceLength": 128,
        "maskProbability": 0.3,
        "learningRate": 2.0e-3,
    },
}


def resource_of(language: str, arm: str, *, quick: bool = False) -> Path:
    """The file to run: `french.yaml` or `quick.yaml` itself, or a variant written to `.demo/`."""
    french = HERE / ("quick.yaml" if quick else "french.yaml")
    if (language, arm) == ("fr", DEFAULT):
        return french
    name = f"{language}-{'quick' if quick else arm.lower().replace(' ', '-')}"
    resource = yaml.safe_load(french.read_text().replace("../../.demo", str(DEMO)))
    spec = resource["spec"]
    resource["metadata"]["name"] = name
    spec["language"] = language
    if arm != DEFAULT:
        spec["method"], spec["mini"] = arm, ARMS[arm]
        spec["embeddings"]["init"] = "focus"  # as Auto has it
    spec["corpus"]["uri"] = str(DATA / f"{language}.txt")
    genre, verses = spec["tasks"]
    genre["test"] = str(DATA / f"genre/{language}-test.jsonl")
    verses["test"] = str(DATA / f"retrieval/{language}-en.jsonl")
    file = DEMO / f"{name}.yaml"
    file.write_text(yaml.safe_dump(resource, sort_keys=False))
    return file


def call(*command: str) -> None:
    """Run one of our own commands; its failure is ours."""
    try:
        finished = subprocess.run([sys.executable, *command], cwd=ROOT)
    except KeyboardInterrupt:
        sys.exit(130)  # the command has said what to do
    if finished.returncode:
        sys.exit(finished.returncode)


def baselines(language: str) -> dict[str, Any]:
    """Floor, majority and ceiling, computed once."""
    prepared = sha256_file(DATA / ".prepared.json")[:12]
    file = DEMO / f"baselines-{language}-{prepared}.json"
    if not file.exists():
        print("computing the TF-IDF floor and ceiling", flush=True)
        script = str(HERE / "baselines.py")
        call(script, "--data", str(DATA), "--languages", language, "--out", str(file))
    return json.loads(file.read_text())


def page_of(file: Path) -> Path:
    """Where its report stands, as a path that can be typed."""
    return DEMO.relative_to(ROOT) / f"{file.stem}.html"


def result_of(file: Path) -> dict[str, Any]:
    """The graft stage's metrics of a finished run; writes its report beside the store."""
    from lingraft.files import load_resource
    from lingraft.planning import manifests_of, plan_resource
    from lingraft.report.page import render

    resource = load_resource(file)
    plan = plan_resource(resource)
    manifests = manifests_of(plan)
    (ROOT / page_of(file)).write_text(
        render(resource.metadata.name, plan, manifests), encoding="utf-8"
    )
    return manifests["graft"].metrics


def row(name: str, score: dict[str, float], note: str = "") -> str:
    """One line of the table: a score and its standard error."""
    value = score.get("accuracy", score.get("mean"))
    return f"  {name:<34} {value:.3f} ± {score['stderr']:.3f}  {note}"


def table(language: str, results: dict[str, dict[str, Any]], reference: dict[str, Any]) -> str:
    """The scores beside what they must be compared with."""
    lines = [
        f"Genre of a Bible passage, six-way, {language} (accuracy ± standard error by chapter)"
    ]
    floor, majority = reference[language]["floor"], reference[language]["majority"]
    for arm, metrics in results.items():
        genre, verses = metrics["evaluation"]
        cost = metrics["compute"]
        note = (
            f"step 2: {cost['embedFlops']:.2e} FLOPs, {cost['measuredDeviceSeconds']:.0f} "
            f"core-seconds measured; {cost['savedPerStep']:.2f}x less per step (computed)"
        )
        if cost["oneTimeFlops"]:
            note += f"; once per base: {cost['oneTimeFlops']:.2e} FLOPs"
        score = genre["metrics"]["accuracy"]
        above = [_errors_above(score, other) for other in (floor, majority)]
        note = f"{above[0]:.1f} / {above[1]:.1f} standard errors above floor / majority; {note}"
        lines.append(row(f"{arm}, through the full model", score, note))
        lines.append(row("  its verses found in English", verses["metrics"]["accuracyCentred"]))
    lines.append(row("English-trained TF-IDF (the floor)", floor))
    lines.append(row("majority", majority))
    lines.append(row(f"TF-IDF trained on {language} (the ceiling)", reference[language]["ceiling"]))
    source = next(iter(results.values()))["evaluation"][0]["sourceMetrics"]["accuracy"]
    lines.append(row("English itself, the same model", source))
    lines.append(row("English itself, TF-IDF", reference["en"]["english"]))
    return "\n".join(lines)


def _errors_above(score: dict[str, float], other: dict[str, float]) -> float:
    """How far a score stands above another, in standard errors of their difference."""
    return (score["mean"] - other["accuracy"]) / math.hypot(score["stderr"], other["stderr"])


def main() -> None:
    """Prepare, run, compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--language", default="fr", choices=["fr", "de", "ru", "vi", "ar"])
    shorter = parser.add_mutually_exclusive_group()
    shorter.add_argument("--quick", action="store_true", help="minutes, on a base that knows less")
    shorter.add_argument("--compare", action="store_true", help="add the paper's three methods")
    arguments = parser.parse_args()
    language = arguments.language
    DEMO.mkdir(exist_ok=True)
    call(str(HERE / "prepare.py"), "--languages", language, "--out", str(DATA))
    results: dict[str, dict[str, Any]] = {}
    pages: list[str] = []
    for arm in ARMS if arguments.compare else [DEFAULT]:
        file = resource_of(language, arm, quick=arguments.quick)
        call("-m", "lingraft.cli", "run", "-f", str(file.relative_to(ROOT)))
        results[arm] = result_of(file)
        pages.append(str(page_of(file)))
    print("\n" + table(language, results, baselines(language)))
    print(f"\nto look at in a browser: {', '.join(pages)}")
    print("with a text of your own: docs/tutorial.md")


if __name__ == "__main__":
    main()
