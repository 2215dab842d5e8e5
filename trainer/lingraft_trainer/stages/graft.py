"""Step 4: put the learned embeddings into the full model and its task models, and evaluate.

Writes ordinary checkpoints: `model/` (the full model in the new language; of a sentence encoder
with all that sentence-transformers loads), one directory per fine-tuned task and seed under
`tasks/`, the predictions, and `evaluation.json`. A grafted checkpoint reads the new language only.
"""

import json
import time
from typing import Any

from transformers import AutoTokenizer

from lingraft import compute
from lingraft.architecture import Shape, shape_of_config
from lingraft.params import EmbedParams, GraftParams, PretrainParams
from lingraft.plan.costs import second_head
from lingraft.stage import Compute, Manifest, Progress, Result
from lingraft_trainer.context import StageContext
from lingraft_trainer.evaluation.curves import curves, updates_of
from lingraft_trainer.evaluation.heldout import score_heldout
from lingraft_trainer.evaluation.tasks import evaluate_finetuned, evaluate_retrieval
from lingraft_trainer.models.checkpoint import load_body, load_masked_lm
from lingraft_trainer.models.encoder_files import save_encoder
from lingraft_trainer.models.grafted import Graft
from lingraft_trainer.models.readout import encoder_of, length_of
from lingraft_trainer.stages.embed import EMBEDDINGS
from lingraft_trainer.stages.snapshots import snapshot_file
from lingraft_trainer.tokenization.base import is_causal, load_base_tokenizer
from lingraft_trainer.tokenization.generation import carry_ids
from lingraft_trainer.training.loop import device_seconds


def graft(ctx: StageContext) -> Result:
    """Graft and evaluate."""
    params = GraftParams.model_validate(ctx.params)
    started = time.perf_counter()
    steps = 1 + len(params.tasks)
    ctx.report(Progress(step=0, steps=steps, phase="grafting the full model"))
    loaded = load_masked_lm(ctx.inputs["base"])
    encoder = encoder_of(ctx.inputs["base"])
    tokenizer = AutoTokenizer.from_pretrained(ctx.inputs["corpus"] / "tokenizer")
    learned = EMBEDDINGS if params.snapshot is None else snapshot_file(params.snapshot)
    graft = Graft(ctx.inputs["embed"] / learned, tokenizer, loaded.dtype)
    metrics: dict[str, Any] = {"heldout": None}
    model: Any = loaded.model
    if loaded.has_head:
        metrics["heldout"] = score_heldout(ctx, loaded, graft, params)
    else:
        model = load_body(ctx.inputs["base"])
        graft.into(model, loaded.family)
    if is_causal(ctx.inputs["base"]):
        carry_ids(model, ctx.inputs["base"], load_base_tokenizer(ctx.inputs["base"]), tokenizer)
    if params.snapshot is None:
        graft.save(model, ctx.out / "model")
        if encoder is not None:
            length = length_of(encoder, tokenizer)
            save_encoder(encoder, ctx.inputs["base"], ctx.out / "model", length)
    body: Any = model.base_model

    evaluation: list[dict[str, Any]] = []
    tokens = 0
    for i, task in enumerate(params.tasks):
        ctx.report(Progress(step=1 + i, steps=steps, phase=f"evaluating {task.name}"))
        if task.seeds:
            found = evaluate_finetuned(ctx, graft, task, params)
        else:
            found = evaluate_retrieval(ctx, graft, body.to(ctx.device), task, params)
        evaluation.append(found)
        tokens += found["rows"] * task.max_length * max(1, len(task.seeds))
    ctx.report(Progress(step=steps, steps=steps, phase="done"))

    (ctx.out / "evaluation.json").write_text(json.dumps(evaluation, indent=1))
    seconds = time.perf_counter() - started
    shape = shape_of_config(model.config.to_dict(), where="base")
    metrics["evaluation"] = evaluation
    said = [f"{one['task']}: {warning}" for one in evaluation for warning in one["warnings"]]
    metrics["warnings"] = said
    if params.snapshot is None:  # what the whole of step 2 cost says nothing about a part of it
        ancestors = ctx.ancestors()
        metrics["compute"] = comparison(ancestors, shape)
        for step, values in curves(metrics["heldout"], evaluation, updates_of(ancestors)):
            ctx.measured(step, values)
    return Result(
        metrics=metrics,
        compute=Compute(
            # Test examples at their longest, in the new language; floors and the source's own
            # tests are left out. Small beside the training stages.
            flops=compute.forward_pass(shape, tokens=tokens, sequence_length=128),
            tokens=tokens,
            seconds=seconds,
            device_seconds=device_seconds(seconds, 1, ctx.device),
        ),
    )


def comparison(ancestors: dict[str, Manifest], shape: Shape) -> dict[str, Any]:
    """What step 2 cost beside Standard's, saying which figures are measured.

    Standard's are computed for the same tokens: that is compute saved per step, not a
    speed-up, which only a Standard run to equal quality could show.
    """
    by_kind = {manifest.stage.kind: manifest for manifest in ancestors.values()}
    embed, mini, pretrain = by_kind["embed"], by_kind.get("mini"), by_kind.get("pretrain")
    params = EmbedParams.model_validate(embed.stage.params)
    once = mini.compute.flops if mini else 0.0
    if params.method == "MiniJoint" and pretrain:
        once = second_head(shape, PretrainParams.model_validate(pretrain.stage.params).training)
    standard = compute.embed_step(
        shape,
        layers=shape.layers,
        vocabulary=int(embed.metrics["vocabulary"]),
        tokens=embed.compute.tokens,
        told=embed.metrics["maskedTokens"],
        sequence_length=params.training.sequence_length,
        output_share=params.output_share,
    )
    return {
        "embedFlops": embed.compute.flops,
        "standardFlops": standard,
        "savedPerStep": standard / embed.compute.flops,
        "oneTimeFlops": once,
        "measuredSeconds": embed.compute.seconds,
        "measuredDeviceSeconds": embed.compute.device_seconds,
        "measured": ["measuredSeconds", "measuredDeviceSeconds"],
        "computed": ["embedFlops", "standardFlops", "savedPerStep", "oneTimeFlops"],
    }
