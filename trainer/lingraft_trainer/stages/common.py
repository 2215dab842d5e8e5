"""What the training stages share: settings, costs and metrics of a masked-LM run."""

from typing import Any

from lingraft.params import MaskedLm
from lingraft.stage import Compute
from lingraft_trainer.context import StageContext
from lingraft_trainer.training.loop import Fit, Settings, device_seconds
from lingraft_trainer.training.mlm import Heldout


def mlm_settings(params: MaskedLm, field: str) -> Settings:
    """The loop's settings of a masked-LM run that a field of the resource describes."""
    return Settings(
        steps=params.steps,
        learning_rate=params.learning_rate,
        warmup_steps=params.warmup_steps,
        weight_decay=params.weight_decay,
        seed=params.seed,
        dropout=params.dropout > 0,
        field=f"{field}.learningRate",
    )


def mlm_cost(ctx: StageContext, done: Fit, flops: float) -> Compute:
    """What a run cost, over all attempts."""
    return Compute(
        flops=flops,
        tokens=done.tokens,
        seconds=done.seconds,
        device_seconds=device_seconds(done.seconds, ctx.world, ctx.device),
    )


def show_heldout(ctx: StageContext, step: int, score: Heldout) -> None:
    """Held-out text among the curves, after so many updates."""
    ctx.measured(step, {"heldout/loss": score.loss, "heldout/bitsPerByte": score.bits_per_byte})


def mlm_metrics(done: Fit) -> dict[str, Any]:
    """The curve and the last loss."""
    return {"finalLoss": done.final_loss, "maskedTokens": done.count, "curve": done.curve}
