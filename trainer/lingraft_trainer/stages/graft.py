"""Step 4: put the learned embeddings into the full model and its task models, and evaluate.

Writes a language pack (`pack/`: what is new of the language, for the base and for every task model
of it), the predictions, `evaluation.json`, and of a causal base `samples.json`. A model with a pack
in place reads the new language only.
"""

import json
import time
from typing import Any

from transformers import AutoTokenizer

from lingraft import compute
from lingraft.architecture import Shape, shape_of_config
from lingraft.pack import PackBase
from lingraft.params import EmbedParams, GraftParams, PretrainParams
from lingraft.plan.costs import second_head
from lingraft.resource.formats import FORMATS
from lingraft.stage import Compute, Manifest, Progress, Result
from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.evaluation.answers import answers
from lingraft_trainer.evaluation.by_likelihood import (
    evaluate_by_likelihood,
    evaluate_tuned,
    score_untouched,
)
from lingraft_trainer.evaluation.curves import curves, updates_of
from lingraft_trainer.evaluation.heldout import score_heldout
from lingraft_trainer.evaluation.samples import settings_of, untouched_samples
from lingraft_trainer.evaluation.sentences import (
    guesses_of,
    sentences_of,
    shown,
    tokens_per_word,
)
from lingraft_trainer.evaluation.tasks import evaluate_finetuned, evaluate_retrieval
from lingraft_trainer.machine.device import roomy
from lingraft_trainer.machine.memory import fits_here
from lingraft_trainer.models.checkpoint import load_body, load_lm
from lingraft_trainer.models.family import embeddings
from lingraft_trainer.models.grafted import Graft
from lingraft_trainer.packs.write import fingerprint, record_of, write_pack
from lingraft_trainer.running.context import StageContext
from lingraft_trainer.stages.embed import EMBEDDINGS
from lingraft_trainer.stages.snapshots import snapshot_file, snapshots_between
from lingraft_trainer.tokenization.base import is_causal, load_base_tokenizer
from lingraft_trainer.tokenization.generation import carry_ids, stop_behind_answers
from lingraft_trainer.training.loop import device_seconds

NOT_SHOWN = (
    "the model is larger than this worker's memory, and would be read from disk for each token "
    "that it writes: no continuations are shown"
)


def graft(ctx: StageContext) -> Result:
    """Graft and evaluate."""
    params = GraftParams.model_validate(ctx.params)
    started = time.perf_counter()
    steps = 1 + len(params.tasks)
    ctx.report(Progress(step=0, steps=steps, phase="grafting the full model"))
    loaded = load_lm(ctx.inputs["base"], frozen=True)
    base = PackBase(
        ref=ctx.refs.get("base", ""), embeddings=fingerprint(embeddings(loaded.model).weight)
    )
    tokenizer = AutoTokenizer.from_pretrained(ctx.inputs["corpus"] / "tokenizer")
    learned = EMBEDDINGS if params.snapshot is None else snapshot_file(params.snapshot)
    graft = Graft(ctx.inputs["embed"] / learned, tokenizer, loaded.dtype)
    metrics: dict[str, Any] = {"heldout": None}
    model: Any = loaded.model
    chosen = [task for task in params.tasks if loaded.family.causal and not task.seeds]
    before = {task.name: score_untouched(ctx, loaded, task, params) for task in chosen}
    whole_run = params.snapshot is None
    showing = whole_run and loaded.family.causal
    warnings = [] if not showing or fits_here(loaded.model) else [NOT_SHOWN]
    showing = showing and not warnings
    samples = untouched_samples(ctx, loaded, tokenizer, params) if showing else None
    heldout = PackedText(ctx.inputs["corpus"] / "heldout")
    sentences = sentences_of(heldout, tokenizer) if whole_run else []
    own = load_base_tokenizer(ctx.inputs["base"])
    guessed = guesses_of(ctx, loaded, own, own, sentences)
    if loaded.has_head:
        metrics["heldout"] = score_heldout(
            ctx, loaded, graft, params, snapshots_between(ctx.inputs["embed"])
        )
    else:
        model = load_body(ctx.inputs["base"])
        graft.into(model, loaded.family)
    ids: dict[str, Any] = {}
    if is_causal(ctx.inputs["base"]):
        ids = carry_ids(model, ctx.inputs["base"], own, tokenizer)
        # The pack goes into the models that were tuned to answer as well.
        if any(FORMATS[task.format].kind == "instruction" for task in params.tasks):
            stop_behind_answers(model, tokenizer)
    if whole_run:
        guessed_then = guesses_of(ctx, loaded, own, tokenizer, sentences)
        metrics["tokensPerWord"] = tokens_per_word(heldout, own, tokenizer)
        metrics["sentences"] = shown(sentences, own, tokenizer, guessed, guessed_then)
        record = record_of(
            graft,
            model,
            base,
            ids,
            language=params.language,
            source_language=params.source_language,
            method=params.method,
        )
        write_pack(record, graft, model, ctx.out / "pack")
    body: Any = model.base_model

    evaluation: list[dict[str, Any]] = []
    answered: list[dict[str, Any]] = []
    tokens = 0
    for i, task in enumerate(params.tasks):
        ctx.report(Progress(step=1 + i, steps=steps, phase=f"evaluating {task.name}"))
        if task.seeds:
            found = evaluate_finetuned(ctx, graft, task, params)
        elif task.name in before:
            asked = before[task.name]
            found = evaluate_by_likelihood(ctx, graft, loaded, task, params, asked)
        else:
            found = evaluate_retrieval(ctx, graft, body.to(ctx.device), task, params)
        evaluation.append(found)
        most = found["rows"] * task.max_length * max(1, len(task.seeds))
        tokens += found.pop("tokens", most)
        if FORMATS[task.format].kind != "instruction":
            continue
        for one in chosen:
            evaluation.append(evaluate_tuned(ctx, graft, one, params, task))
            tokens += evaluation[-1].pop("tokens")
        answered += answers(ctx, graft, task, params) if showing else []
    if showing:
        placed = model.to(roomy(ctx.device, model)).eval()
        said = samples.beside(placed, tokenizer) if samples is not None else []
        metrics["samples"] = {"settings": settings_of(params), "prompts": [*said, *answered]}
        text = json.dumps(metrics["samples"], indent=1, ensure_ascii=False)
        (ctx.out / "samples.json").write_text(text + "\n", encoding="utf-8")
    ctx.report(Progress(step=steps, steps=steps, phase="done"))

    (ctx.out / "evaluation.json").write_text(json.dumps(evaluation, indent=1))
    seconds = time.perf_counter() - started
    shape = shape_of_config(model.config.to_dict(), where="base")
    metrics["evaluation"] = evaluation
    warnings += [f"{one['task']}: {warning}" for one in evaluation for warning in one["warnings"]]
    metrics["warnings"] = warnings
    if whole_run:  # what the whole of step 2 cost says nothing about a part of it
        ancestors = ctx.ancestors()
        metrics["compute"] = comparison(ancestors, shape)
        for step, values in curves(metrics["heldout"], evaluation, updates_of(ancestors)):
            ctx.measured(step, values)
    return Result(
        metrics=metrics,
        compute=Compute(
            # Test examples in the new language, at their longest but for those by log-likelihood;
            # floors and the source's own tests are left out. Small beside the training stages.
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
    if params.calibrate:
        standard += compute.calibration(
            shape,
            vocabulary=int(embed.metrics["vocabulary"]),
            told=params.training.told,
            sequence_length=params.training.sequence_length,
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
