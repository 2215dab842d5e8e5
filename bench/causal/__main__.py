"""Ways to learn SmolLM2's embeddings for French, at equal FLOPs: `python -m bench.causal`.

Each run is one arm with one seed (`arms.py`), and is kept in `.demo/causal/`: the same command goes
on where it stopped. The text and the base are those of `make demo-smollm2`.

    --budget 20      TFLOP of a run, calibration and matching included
    --arm NAME       only this one; may be repeated
    --seeds 1        so many of each
    --report         only write the table and the picture of what is done
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from bench.causal.arms import ARMS, LENGTH, begins_calibrated
from bench.causal.report import write_report
from lingraft.cache import cache_dir
from lingraft.errors import LingraftError
from lingraft.files import load_resource
from lingraft.plan import Plan
from lingraft.planning import plan_resource
from lingraft.resource import LanguageAdaptation
from lingraft.sources import fingerprint
from lingraft.stage import Execution
from lingraft.store import open_store
from lingraft.store.stages import fetch_artifact, read_manifest

ROOT = Path(__file__).parents[2]
OUT = ROOT / ".demo" / "causal"
RESOURCE = ROOT / "examples" / "smollm2-french.yaml"
SOURCE = ROOT / ".demo" / "bible" / "en-chapters.txt"


def main() -> None:
    """Parse the command line; run what is not done; report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--budget", type=float, default=20.0)
    parser.add_argument("--arm", action="append", choices=list(ARMS))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--report", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    OUT.mkdir(parents=True, exist_ok=True)
    if not arguments.report:
        bench = _bench()
        _once("untouched", bench.untouched)
        names: list[str] = arguments.arm or list(ARMS)
        for seed in range(arguments.seeds):
            for name in names:
                arm = ARMS[name]
                if seed == 0:
                    start = f"start {arm.start}{' calibrated' if begins_calibrated(arm) else ''}"
                    _once(start, lambda arm=arm: bench.start(arm))
                budget = arguments.budget
                _once(
                    f"{name} {budget:g} {seed}",
                    lambda arm=arm, seed=seed, budget=budget: bench.run(arm, seed, budget * 1e12),
                )
    print(write_report(OUT, arguments.budget))


def _once(name: str, work: Any) -> None:
    file = OUT / f"{name}.json"
    if file.exists():
        return
    print(f"{name} ...", flush=True)
    found = work()
    file.write_text(json.dumps(found, indent=1) + "\n")
    print(f"  {found['bitsPerByte']:.4f} bits per byte", flush=True)


def _bench() -> Any:
    from bench.causal.run import Bench, Place
    from lingraft_trainer.models.gguf import converted

    prepare = ROOT / "examples" / "bible" / "smollm2.py"
    subprocess.run([sys.executable, str(prepare), "--prepare"], check=True)
    base = ROOT / ".demo" / "smollm2"
    resource = load_resource(RESOURCE)
    place = Place(
        base=converted(base, fingerprint(f"{base.as_uri()}/", "checkpoint").fingerprint),
        corpus=_corpus(plan_resource(resource), "corpus"),
        source=_corpus(plan_resource(_with_source_text(resource)), "mini-corpus"),
    )
    return Bench(place)


def _with_source_text(resource: LanguageAdaptation) -> LanguageAdaptation:
    """The same with a mini-model that has a bridge, whose plan has source text in it."""
    mini = {
        "newLayersFrom": "Top",
        "steps": 0,
        "text": {"uri": SOURCE.as_uri()},
        "sequenceLength": LENGTH,
    }
    content = resource.model_dump(by_alias=True, exclude_unset=True)
    content["spec"] |= {"method": "MiniPost", "mini": mini}
    return LanguageAdaptation.model_validate(content, by_alias=True, by_name=False)


def _corpus(plan: Plan, name: str) -> Path:
    """A corpus of a plan: made here if it is not in the store."""
    from lingraft.store.lease import local_holder
    from lingraft_trainer.running.runner import run

    planned, store = plan[name], open_store(plan.store)
    manifest = read_manifest(store, planned.stage.ref)
    if manifest is None:
        execution = Execution(threads=torch.get_num_threads())
        spec = plan.spec(planned, local_holder()).model_copy(update={"execution": execution})
        manifest = run(spec, lambda progress: None)
    return fetch_artifact(store, manifest, cache_dir())


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("stopped; run the same command to resume")
    except LingraftError as error:
        sys.exit(f"error: {error}")
