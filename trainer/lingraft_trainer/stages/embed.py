"""Step 2: learn the target language's token embeddings through a frozen model.

Through the mini-model for MiniJoint and MiniPost, through the full one for Standard; the
code is the same. Only the token embeddings, the decoder (in a tied model the same matrix) and a
fresh output bias train.
"""

from dataclasses import replace

from safetensors.torch import save_file
from torch import Tensor
from transformers import AutoTokenizer, PreTrainedModel

from lingraft import compute
from lingraft.architecture import shape_of_config
from lingraft.errors import UserError
from lingraft.params import EmbedParams
from lingraft.stage import Result
from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.embeddings.start import Start, source_text
from lingraft_trainer.models.attention import with_quick_layers
from lingraft_trainer.models.bridge import read_bridge, with_bridge
from lingraft_trainer.models.checkpoint import load_lm
from lingraft_trainer.models.family import embeddings, is_tied, output
from lingraft_trainer.models.weights import check_finite
from lingraft_trainer.running.context import StageContext
from lingraft_trainer.stages.common import lm_cost, lm_metrics, lm_settings
from lingraft_trainer.stages.snapshots import Snapshots
from lingraft_trainer.tokenization.base import load_base_tokenizer
from lingraft_trainer.training.lm import lm_objective
from lingraft_trainer.training.lm_data import LmData
from lingraft_trainer.training.loop import fit
from lingraft_trainer.training.precision import choose

EMBEDDINGS = "embeddings.safetensors"
"""Tensors `weight` [V', E] and, where the base has one, `bias` [V']; of an untied base also
`output` [V', E]. E is the width of its token embeddings."""


def embed(ctx: StageContext) -> Result:
    """Writes the new embedding matrix and output bias."""
    params = EmbedParams.model_validate(ctx.params)
    loaded = load_lm(ctx.inputs["model"], dropout=params.training.dropout, frozen=True)
    model, family = with_quick_layers(loaded.model), loaded.family
    bridge = read_bridge(ctx.inputs["model"])
    model = with_bridge(model, family, bridge)
    if not loaded.has_head:
        raise UserError(
            f"the base has no head, which {params.method} trains embeddings through: give a "
            f"checkpoint of a ...{family.head.classes[0]} class",
            where="spec.base.uri",
        )
    text = PackedText(ctx.inputs["corpus"] / "train")
    target = AutoTokenizer.from_pretrained(ctx.inputs["corpus"] / "tokenizer")
    start = Start(params.init, params.calibrate, params.training.seed, params.keep_unseen).into(
        model,
        family,
        load_base_tokenizer(ctx.inputs["base"]),
        target,
        text,
        ctx.device,
        choose(ctx.execution.precision, ctx.device, model.config.hidden_size),
        source_text(ctx),
    )
    train_embeddings_only(model)
    data = LmData(
        text,
        params.training,
        family,
        micro_batch_tokens=ctx.execution.micro_batch_tokens,
        output_steps=params.output_steps,
    )
    settings = lm_settings(params.training, "spec.embeddings")
    if (calibration := start.calibration) is not None:
        run = params.training
        told = run.batch_rows * run.sequence_length * run.told
        settings = replace(settings, eps=calibration.eps(told))

    def learned() -> dict[str, Tensor]:
        found: dict[str, Tensor] = {"weight": embeddings(model).weight}
        if output(model).bias is not None:
            found["bias"] = output(model).bias
        if not is_tied(model):
            found["output"] = output(model).weight
        return {name: tensor.detach().cpu().contiguous() for name, tensor in found.items()}

    def with_kept(found: dict[str, Tensor]) -> dict[str, Tensor]:
        # Only in what is written: were they held while the rest learns, the embeddings that are
        # read would learn to make up for it.
        if start.kept is not None:
            start.kept.put_back(found["weight"], found.get("output"))
        return found

    snapshots = Snapshots(
        ctx,
        params.snapshots or (),
        lambda: with_kept({name: tensor.clone() for name, tensor in learned().items()}),
    )
    done = fit(
        snapshots.ctx,
        lm_objective(model, family),
        data,
        settings,
        width=model.config.hidden_size,
        after_step=snapshots.after_step,
    )

    tensors = with_kept(learned())
    check_finite(tensors, "what was learned", where="spec.embeddings.learningRate")
    save_file(tensors, ctx.out / EMBEDDINGS)
    shape = shape_of_config(model.config.to_dict(), where="model")
    flops = compute.embed_step(
        shape,
        layers=shape.layers,
        vocabulary=text.vocab_size,
        tokens=done.tokens,
        told=done.count,
        sequence_length=text.sequence_length,
        output_share=params.output_share,
        bridge=bridge is not None,
    )
    if calibration is not None:
        flops += compute.calibration(
            shape,
            vocabulary=text.vocab_size,
            told=params.training.told,
            sequence_length=text.sequence_length,
        )
    metrics = lm_metrics(done) | {
        "layers": shape.layers,
        "rowsFromSource": start.taken,
        "vocabulary": text.vocab_size,
    }
    if start.kept is not None:
        metrics["rowsKept"] = len(start.kept.ids)
    if calibration is not None:
        metrics["calibration"] = {
            "divergenceBefore": calibration.before,
            "divergenceAfter": calibration.after,
            "adamEps": settings.eps,
        }
    if params.snapshots:
        metrics["snapshots"] = snapshots.record()
    return Result(metrics=metrics, compute=lm_cost(ctx, done, flops))


def train_embeddings_only(model: PreTrainedModel) -> None:
    """Freeze all but the token embeddings, the decoder (often the same) and its bias."""
    model.requires_grad_(False)
    for parameter in (embeddings(model).weight, *output(model).parameters()):
        parameter.requires_grad_(True)
