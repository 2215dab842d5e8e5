"""Step 2: learn the target language's token embeddings through a frozen model.

Through the mini-model for MiniJoint and MiniPost, through the full one for Standard; the
code is the same. Only the token embeddings, the decoder (in a tied model the same matrix) and a
fresh output bias train.
"""

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import AutoTokenizer, PreTrainedModel

from lingraft import compute
from lingraft.architecture import shape_of_config
from lingraft.errors import UserError
from lingraft.families import Family
from lingraft.params import EmbedParams
from lingraft.stage import Result
from lingraft_trainer.context import StageContext
from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.embeddings.init import initial_embeddings
from lingraft_trainer.models.attention import with_quick_layers
from lingraft_trainer.models.bridge import read_bridge, with_bridge
from lingraft_trainer.models.checkpoint import load_masked_lm
from lingraft_trainer.models.family import (
    embeddings,
    is_tied,
    output,
    replace_vocabulary,
)
from lingraft_trainer.models.weights import check_finite
from lingraft_trainer.stages.common import mlm_cost, mlm_metrics, mlm_settings
from lingraft_trainer.stages.snapshots import Snapshots
from lingraft_trainer.tokenization.base import load_base_tokenizer
from lingraft_trainer.training.loop import fit
from lingraft_trainer.training.mlm import masked_lm_objective
from lingraft_trainer.training.mlm_data import MlmData

EMBEDDINGS = "embeddings.safetensors"
"""Tensors `weight` [V', E] and, where the base has one, `bias` [V']; of an untied base also
`output` [V', E]. E is the width of its token embeddings."""


def embed(ctx: StageContext) -> Result:
    """Writes the new embedding matrix and output bias."""
    params = EmbedParams.model_validate(ctx.params)
    loaded = load_masked_lm(ctx.inputs["model"], dropout=params.training.dropout)
    model, family = with_quick_layers(loaded.model), loaded.family
    bridge = read_bridge(ctx.inputs["model"])
    model = with_bridge(model, family, bridge)
    if not loaded.has_head:
        raise UserError(
            f"the base has no masked-LM head, which {params.method} trains embeddings through: "
            "use method MiniPost, or a checkpoint of a ...ForMaskedLM class",
            where="spec.base.uri",
        )
    text = PackedText(ctx.inputs["corpus"] / "train")
    target = AutoTokenizer.from_pretrained(ctx.inputs["corpus"] / "tokenizer")
    start, taken = initial_embeddings(
        params.init,
        matrices(model),
        load_base_tokenizer(ctx.inputs["base"]),
        target,
        seed=params.training.seed,
        text=text,
    )
    set_matrices(model, family, start, text.pad_id)
    train_embeddings_only(model)
    data = MlmData(
        text, params.training, family, micro_batch_tokens=ctx.execution.micro_batch_tokens
    )

    def learned() -> dict[str, Tensor]:
        found: dict[str, Tensor] = {"weight": embeddings(model).weight}
        if output(model).bias is not None:
            found["bias"] = output(model).bias
        if not is_tied(model):
            found["output"] = output(model).weight
        return {name: tensor.detach().cpu().contiguous() for name, tensor in found.items()}

    snapshots = Snapshots(ctx, params.snapshots or (), learned)
    done = fit(
        snapshots.ctx,
        masked_lm_objective(model, family),
        data,
        mlm_settings(params.training, "spec.embeddings"),
        width=model.config.hidden_size,
        after_step=snapshots.after_step,
    )

    tensors = learned()
    check_finite(tensors, "what was learned", where="spec.embeddings.learningRate")
    save_file(tensors, ctx.out / EMBEDDINGS)
    shape = shape_of_config(model.config.to_dict(), where="model")
    flops = compute.embed_step(
        shape,
        layers=shape.layers,
        vocabulary=text.vocab_size,
        tokens=done.tokens,
        masked=done.count,
        sequence_length=text.sequence_length,
        bridge=bridge is not None,
    )
    metrics = mlm_metrics(done) | {
        "layers": shape.layers,
        "rowsFromSource": taken,
        "vocabulary": text.vocab_size,
    }
    if params.snapshots:
        metrics["snapshots"] = snapshots.record()
    return Result(metrics=metrics, compute=mlm_cost(ctx, done, flops))


def matrices(model: PreTrainedModel) -> Tensor:
    """What a model has of every token: [V, H], or [V, 2H] where the decoder has rows of its own."""
    read, written = embeddings(model).weight.detach(), output(model).weight.detach()
    return read if is_tied(model) else torch.cat([read, written], dim=1)


def set_matrices(model: PreTrainedModel, family: Family, rows: Tensor, pad_id: int) -> None:
    """Give a model a new vocabulary whose tokens start as `matrices` would have them."""
    width = embeddings(model).embedding_dim
    own = rows[:, width:] if rows.shape[1] > width else None
    replace_vocabulary(model, family, rows[:, :width], pad_id, output_matrix=own)


def train_embeddings_only(model: PreTrainedModel) -> None:
    """Freeze all but the token embeddings, the decoder (often the same) and its bias."""
    model.requires_grad_(False)
    for parameter in (embeddings(model).weight, *output(model).parameters()):
        parameter.requires_grad_(True)
