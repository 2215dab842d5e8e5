"""Step 1b: the mini-model. MiniJoint finds it in its base; MiniPost extracts and trains it.

MiniPost's layers may also be the base's bottom and its top, under its own head, with a linear
bridge between them: then nothing has to be trained (ours, not the paper's).
"""

import time
from typing import Any

import torch
from transformers import AutoTokenizer

from lingraft import compute
from lingraft.architecture import shape_of_config
from lingraft.errors import UserError
from lingraft.params import Bridge as BridgeParams
from lingraft.params import LmTraining, MiniParams
from lingraft.stage import Compute, Result
from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.machine.device import roomy
from lingraft_trainer.models.attention import with_quick_layers
from lingraft_trainer.models.bridge import with_bridge
from lingraft_trainer.models.checkpoint import LoadedModel, load_lm, read_middle_head
from lingraft_trainer.models.config import read_config
from lingraft_trainer.models.family import encoder_layers, output, second_bias
from lingraft_trainer.models.mini import head_tensors
from lingraft_trainer.models.picked import save_picked
from lingraft_trainer.running.context import StageContext
from lingraft_trainer.stages.bridge import fit_bridge
from lingraft_trainer.stages.common import lm_cost, lm_metrics, lm_settings, show_heldout
from lingraft_trainer.training.lm import LmObjective, heldout_score
from lingraft_trainer.training.lm_data import LmData
from lingraft_trainer.training.loop import device_seconds, fit


def mini(ctx: StageContext) -> Result:
    """Writes the mini-model as an ordinary checkpoint of its base's class, with its head."""
    params = MiniParams.model_validate(ctx.params)
    torch.manual_seed(0)  # a base without a head gets a new one
    dropout = params.training.dropout if params.training else None
    depth = params.layers + params.new_layers
    whole = read_config(ctx.inputs["base"]).num_hidden_layers
    if depth >= whole:
        raise UserError(
            f"a mini-model of {params.layers}+{params.new_layers} layers is not shallower than "
            f"its base, which has {whole}",
            where="spec.mini.layers",
        )
    checkpoint = ctx.inputs["base"]
    if params.method == "MiniJoint":
        return _joint(ctx, load_lm(checkpoint, layers=depth), params)
    if params.training is None:
        save_picked(checkpoint, params.kept(whole), ctx.out)
        return _assembled(ctx, load_lm(ctx.out, frozen=True), params)
    if params.new_layers_from == "Top":
        checkpoint = ctx.scratch / "picked"
        save_picked(ctx.inputs["base"], params.kept(whole), checkpoint)
    base = load_lm(checkpoint, dropout=dropout, layers=depth, frozen=params.layers)
    return _post(ctx, base, params, params.training)


def _assembled(ctx: StageContext, mini: LoadedModel, params: MiniParams) -> Result:
    """Layers of the base under its own head, as they are; a bridge between them where one is."""
    if not mini.has_head:
        message = "the base has no masked-LM head: give mini.text and steps, which train one"
        raise UserError(message, where="spec.mini.steps")
    if params.bridge is None:
        return Result(metrics=_depths(params), compute=Compute())
    return _bridged(ctx, mini, params, params.bridge)


def _bridged(
    ctx: StageContext, mini: LoadedModel, params: MiniParams, wanted: BridgeParams
) -> Result:
    """Fit the bridge; score held-out text through the base, and through the mini-model."""
    started = time.perf_counter()
    base = load_lm(ctx.inputs["base"], frozen=True)
    whole: Any = with_quick_layers(base.model)
    whole.to(roomy(ctx.device, whole))
    text, out = (PackedText(ctx.inputs["corpus"] / part) for part in ("train", "heldout"))
    above = whole.config.num_hidden_layers - params.new_layers
    bridge = fit_bridge(ctx, base, text, wanted, params.layers, above)
    bridge.save(ctx.out)

    def loss(model: Any) -> float:
        model.to(roomy(ctx.device, model)).eval()
        return heldout_score(model, base.family, out, where="spec.base").loss

    model = with_quick_layers(mini.model)
    read = {"baseHeldoutLoss": loss(whole), "heldoutLossWithoutBridge": loss(model)}
    read["heldoutLoss"] = loss(with_bridge(model, base.family, bridge))
    seconds = time.perf_counter() - started
    tokens = min(wanted.tokens, text.rows * text.sequence_length)
    shape = shape_of_config(whole.config.to_dict(), where="base")
    flops = compute.bridge_fit(shape, tokens=tokens, sequence_length=text.sequence_length)
    return Result(
        metrics=_depths(params) | read,
        compute=Compute(
            flops=flops,
            tokens=tokens,
            seconds=seconds,
            device_seconds=device_seconds(seconds, 1, ctx.device),
        ),
    )


def _depths(params: MiniParams) -> dict[str, Any]:
    return {"layers": params.layers, "newLayers": params.new_layers}


def _joint(ctx: StageContext, base: LoadedModel, params: MiniParams) -> Result:
    """Layers 1..k under the middle head that was trained with them."""
    head = read_middle_head(ctx.inputs["base"], params.layers)
    model = base.model
    expected = head_tensors(model, base.family)
    if {n: t.shape for n, t in head.items()} != {n: t.shape for n, t in expected.items()}:
        raise UserError(
            "the middle head does not fit its base: they are not of one pretraining",
            where="spec.base",
        )
    model.load_state_dict(head, strict=False)
    model.save_pretrained(ctx.out)
    return Result(metrics={"layers": params.layers}, compute=Compute())


def _post(ctx: StageContext, base: LoadedModel, params: MiniParams, training: LmTraining) -> Result:
    """Copies of the bottom k layers, frozen, under n trained layers and a trained head."""
    # The new layers start as the base's layers k+1..k+n.
    family, model = base.family, with_quick_layers(base.model)
    model.requires_grad_(False)
    for layer in list(encoder_layers(model, family))[params.layers :]:
        layer.requires_grad_(True)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(parameter.requires_grad or family.of_head(name))
    bias, second = output(model).bias, second_bias(model, family)
    if second is not None:  # an untied model reads the decoder's
        second.requires_grad_(False)
        bias.requires_grad_(True)

    text = PackedText(ctx.inputs["corpus"] / "train")
    _check_tokenizer(ctx, text)
    data = LmData(text, training, family, micro_batch_tokens=ctx.execution.micro_batch_tokens)
    width = model.config.hidden_size
    settings = lm_settings(training, "spec.mini")
    done = fit(ctx, LmObjective(model, family), data, settings, width=width)

    model.eval()
    if second is not None:
        second.data = bias.data
    text_out = PackedText(ctx.inputs["corpus"] / "heldout")
    heldout = heldout_score(model, family, text_out, where=settings.field)
    show_heldout(ctx, training.steps, heldout)
    model.cpu().save_pretrained(ctx.out)
    flops = compute.mini_step(
        shape_of_config(base.model.config.to_dict(), where="base"),
        layers=params.layers,
        new_layers=params.new_layers,
        tokens=done.tokens,
        told=done.count,
        sequence_length=text.sequence_length,
    )
    return Result(
        metrics=_depths(params) | lm_metrics(done) | {"heldoutLoss": heldout.loss},
        compute=lm_cost(ctx, done, flops),
    )


def _check_tokenizer(ctx: StageContext, text: PackedText) -> None:
    tokenizer = AutoTokenizer.from_pretrained(ctx.inputs["corpus"] / "tokenizer")
    assert len(tokenizer) == text.vocab_size, "the corpus was packed with another tokenizer"
