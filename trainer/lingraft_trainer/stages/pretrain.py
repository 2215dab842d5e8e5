"""Step 1: pretrain a base from source-language text, for MiniJoint with a middle head."""

import shutil
from functools import partial
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForMaskedLM, AutoTokenizer, PreTrainedModel

from lingraft import compute
from lingraft.architecture import shape_of_config
from lingraft.families import family_of
from lingraft.params import PretrainParams
from lingraft.selection import MIDDLE_HEAD
from lingraft.stage import Result
from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.models.attention import with_quick_layers
from lingraft_trainer.models.checkpoint import MIDDLE_LAYERS
from lingraft_trainer.models.mini import head_tensors, joint_view
from lingraft_trainer.models.neighbour_heads import start_with_neighbour_heads
from lingraft_trainer.running.context import StageContext
from lingraft_trainer.stages.common import lm_cost, lm_metrics, lm_settings, show_heldout
from lingraft_trainer.training.lm import JointObjective, LmObjective, heldout_score
from lingraft_trainer.training.lm_data import LmData
from lingraft_trainer.training.loop import fit


def pretrain(ctx: StageContext) -> Result:
    """Train all parameters; writes an ordinary checkpoint, and the middle head beside it."""
    params = PretrainParams.model_validate(ctx.params)
    family = family_of(params.model_type)
    tokenizer = AutoTokenizer.from_pretrained(ctx.inputs["corpus"] / "tokenizer")
    text = PackedText(ctx.inputs["corpus"] / "train")
    torch.manual_seed(params.training.seed)
    config = AutoConfig.for_model(
        params.model_type,
        vocab_size=len(tokenizer),
        num_hidden_layers=params.layers,
        hidden_size=params.hidden_size,
        num_attention_heads=params.attention_heads,
        intermediate_size=params.intermediate_size,
        max_position_embeddings=params.positions + family.first_position(text.pad_id),
        type_vocab_size=2 if params.model_type == "bert" else 1,
        initializer_range=params.initializer_range,
        hidden_dropout_prob=params.training.dropout,
        attention_probs_dropout_prob=params.training.dropout,
        pad_token_id=text.pad_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    model: PreTrainedModel = with_quick_layers(AutoModelForMaskedLM.from_config(config))
    if params.neighbour_heads:
        start_with_neighbour_heads(model, family, text.pad_id)
    view: Any = None
    if params.joint_layers is not None:
        view = joint_view(model, family, params.joint_layers)
    objective = LmObjective(model, family) if view is None else JointObjective(model, view, family)
    data = LmData(
        text, params.training, family, micro_batch_tokens=ctx.execution.micro_batch_tokens
    )
    settings = lm_settings(params.training, "spec.base.pretrain")
    done = fit(ctx, objective, data, settings, width=params.hidden_size)

    model.eval()
    heldout = PackedText(ctx.inputs["corpus"] / "heldout")
    score = partial(heldout_score, family=family, text=heldout, where=settings.field)
    reached = score(model)
    show_heldout(ctx, params.training.steps, reached)
    metrics = lm_metrics(done) | {"heldoutLoss": reached.loss}
    if view is not None:
        view.to(ctx.device).eval()
        metrics["heldoutLossMiddle"] = score(view).loss
        view.cpu()
        save_file(
            {name: t.contiguous() for name, t in head_tensors(view, family).items()},
            ctx.out / MIDDLE_HEAD,
            metadata={MIDDLE_LAYERS: str(params.joint_layers)},
        )
    model.cpu().save_pretrained(ctx.out)
    shutil.copytree(ctx.inputs["corpus"] / "tokenizer", ctx.out, dirs_exist_ok=True)
    flops = compute.pretrain_step(
        shape_of_config(model.config.to_dict(), where="base"),
        heads=1 if view is None else 2,
        tokens=done.tokens,
        told=done.count,
        sequence_length=text.sequence_length,
    )
    return Result(metrics=metrics, compute=lm_cost(ctx, done, flops))
