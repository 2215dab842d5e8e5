"""Step 2: learn the target language's token embeddings through a frozen model.

Through the mini-model for MiniJoint and MiniPost, through the full one for Standard; the
code is the same. Only the token embeddings, tied to the decoder, and a fresh output bias
train.
"""

from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import AutoTokenizer

from lingraft import compute
from lingraft.architecture import shape_of_config
from lingraft.errors import UserError
from lingraft.params import EmbedParams
from lingraft.stage import Result
from lingraft_trainer.context import StageContext
from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.embeddings.init import initial_embeddings
from lingraft_trainer.models.attention import with_quick_layers
from lingraft_trainer.models.checkpoint import load_masked_lm
from lingraft_trainer.models.family import embeddings, replace_vocabulary
from lingraft_trainer.stages.common import mlm_cost, mlm_metrics, mlm_settings
from lingraft_trainer.stages.snapshots import Snapshots
from lingraft_trainer.tokenization.swap import load_tokenizer
from lingraft_trainer.training.loop import fit
from lingraft_trainer.training.mlm import masked_lm_objective
from lingraft_trainer.training.mlm_data import MlmData

EMBEDDINGS = "embeddings.safetensors"
"""Tensors `weight` [V', H] and `bias` [V']."""


def embed(ctx: StageContext) -> Result:
    """Writes the new embedding matrix and output bias."""
    params = EmbedParams.model_validate(ctx.params)
    loaded = load_masked_lm(ctx.inputs["model"], dropout=params.training.dropout)
    model, family = with_quick_layers(loaded.model), loaded.family
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
        embeddings(model).weight.detach(),
        load_tokenizer(ctx.inputs["base"], where="spec.base.uri"),
        target,
        seed=params.training.seed,
        text=text,
    )
    replace_vocabulary(model, family, start, text.pad_id)
    train_embeddings_only(model, family.predictions(model).bias)
    data = MlmData(
        text, params.training, family, micro_batch_tokens=ctx.execution.micro_batch_tokens
    )

    def learned() -> dict[str, Tensor]:
        return {
            "weight": embeddings(model).weight.detach().cpu().contiguous(),
            "bias": family.predictions(model).bias.detach().cpu().contiguous(),
        }

    snapshots = Snapshots(ctx, params.snapshots or (), learned)
    done = fit(
        snapshots.ctx,
        masked_lm_objective(model, family),
        data,
        mlm_settings(params.training),
        width=model.config.hidden_size,
        after_step=snapshots.after_step,
    )

    save_file(learned(), ctx.out / EMBEDDINGS)
    shape = shape_of_config(model.config.to_dict(), where="model")
    flops = compute.embed_step(
        shape,
        layers=shape.layers,
        vocabulary=text.vocab_size,
        tokens=done.tokens,
        masked=done.count,
        sequence_length=text.sequence_length,
    )
    metrics = mlm_metrics(done) | {
        "layers": shape.layers,
        "rowsFromSource": taken,
        "vocabulary": text.vocab_size,
    }
    if params.snapshots:
        metrics["snapshots"] = snapshots.record()
    return Result(metrics=metrics, compute=mlm_cost(ctx, done, flops))


def train_embeddings_only(model: nn.Module, bias: nn.Parameter) -> None:
    """Freeze all but the token embeddings (tied to the decoder) and the output bias."""
    model.requires_grad_(False)
    model.get_input_embeddings().weight.requires_grad_(True)  # type: ignore[operator]
    bias.requires_grad_(True)
