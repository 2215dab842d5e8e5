"""A distillation in the manner of MATT, with as many FLOPs as Standard has in a replication.

    python -m bench.rivals --language fr --share 0.1 --share 1

On the base and corpus of a replication's reference arm (`--preset`), which have to be there
already, and from its start. A share of the FLOPs of its step 2 goes to the distillation, and what
is left to Standard's own training, with a whole schedule. Prints bits per byte of held-out text
through the full model, and adds them to `.demo/rivals.jsonl`.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import torch
from transformers import AutoTokenizer

from bench.replication.preset import PRESETS, ROOT, load_preset
from bench.replication.runs import planned
from bench.rivals.distil import Settings, distil
from lingraft.cache import cache_dir
from lingraft.errors import LingraftError, UserError
from lingraft.params import EmbedParams
from lingraft.planning import manifests_of
from lingraft.store import open_store
from lingraft.store.stages import fetch_artifact
from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.embeddings.start import Start
from lingraft_trainer.models.attention import with_quick_layers
from lingraft_trainer.models.checkpoint import load_lm
from lingraft_trainer.running.context import StageContext
from lingraft_trainer.stages.common import lm_settings
from lingraft_trainer.stages.embed import train_embeddings_only
from lingraft_trainer.tokenization.base import load_base_tokenizer
from lingraft_trainer.training.lm import heldout_score, lm_objective
from lingraft_trainer.training.lm_data import LmData
from lingraft_trainer.training.loop import fit

OUT = ROOT / ".demo" / "rivals.jsonl"


def main() -> None:
    """Parse the command line, run every share, say what came of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--preset", default="cpu-recipe", choices=[p.stem for p in PRESETS.iterdir()]
    )
    parser.add_argument("--language", required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate", type=float, help="of the distillation; Standard's by default")
    parser.add_argument(
        "--share", type=float, action="append", required=True, help="of the FLOPs; repeatable"
    )
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    for share in asked.share:
        found = run(asked.preset, asked.language, asked.seed, share, asked.rate)
        print(json.dumps(found), flush=True)
        OUT.parent.mkdir(exist_ok=True)
        with OUT.open("a") as file:
            file.write(json.dumps(found) + "\n")


def run(
    name: str, language: str, seed: int, share: float, rate: float | None
) -> dict[str, float | str]:
    """One distillation, and Standard's training with what is left.

    Raises:
        UserError: The reference has not been run, or not by this preset's rate.
    """
    preset = load_preset(name)
    reference = preset.run(preset.reference, language, seed, preset.learning_rates[0])
    plan = planned(preset, reference)
    done = manifests_of(plan)
    if not {"pretrain", "corpus"} <= done.keys():
        raise UserError(
            f"run `python -m bench.replication --preset {name} --language {language} --arm "
            f"{preset.reference}` first: its base and corpus are read",
            where=reference.label,
        )
    store = open_store(plan.store)
    base, corpus = (fetch_artifact(store, done[one], cache_dir()) for one in ("pretrain", "corpus"))
    params = EmbedParams.model_validate(plan["embed"].stage.params)
    training, flops = params.training, plan["embed"].flops
    text = PackedText(corpus / "train")
    tokenizers = load_base_tokenizer(base), AutoTokenizer.from_pretrained(corpus / "tokenizer")

    teacher, loaded = load_lm(base), load_lm(base)
    model, family = with_quick_layers(loaded.model), loaded.family
    start = Start(params.init, params.calibrate, training.seed)
    start.into(model, family, *tokenizers, text, torch.device("cpu"), "fp32")
    train_embeddings_only(model)
    began = time.process_time()
    curve = distil(
        teacher.model,
        model,
        family,
        plan.shape,
        tokenizers,
        text,
        Settings(
            flops=share * flops,
            rate=rate or training.learning_rate,
            rows=training.batch_rows,
            layers=max(1, round(plan.shape.layers / 3)),
            seed=training.seed,
        ),
    )
    steps = round((1 - share) * training.steps)
    if steps:
        body = {n: p.detach().clone() for n, p in model.named_parameters() if not p.requires_grad}
        warmup = round(training.warmup_steps * steps / training.steps)
        left = training.model_copy(update={"steps": steps, "warmup_steps": warmup})
        with tempfile.TemporaryDirectory() as folder:
            ctx = StageContext(params={}, inputs={}, out=Path(folder), scratch=Path(folder))
            data = LmData(text, left, family, micro_batch_tokens=ctx.execution.micro_batch_tokens)
            objective = lm_objective(model, family)
            width = plan.shape.hidden
            fit(ctx, objective, data, lm_settings(left, "spec.embeddings"), width=width)
        # In bf16 what is frozen was rounded: what is scored is the base itself.
        model.float().load_state_dict(body, strict=False)
    score = heldout_score(model.eval(), family, PackedText(corpus / "heldout"), where=name)
    return {
        "run": reference.label,
        "share": share,
        "rate": rate or training.learning_rate,
        "distilled": len(curve),
        "lossFirst": round(curve[0][1], 4),
        "lossLast": round(curve[-1][1], 4),
        "standardSteps": steps,
        "flops": curve[-1][0] + steps / training.steps * flops,
        "seconds": round(time.process_time() - began, 1),
        "bitsPerByte": round(score.bits_per_byte, 4),
    }


if __name__ == "__main__":
    try:
        main()
    except LingraftError as error:
        raise SystemExit(f"error: {error}") from None
