"""What the training stages share: settings, costs and metrics of language modelling."""

from typing import Any

from lingraft.params import LmTraining
from lingraft.stage import Compute
from lingraft_trainer.running.context import StageContext
from lingraft_trainer.training.lm import Heldout
from lingraft_trainer.training.loop import Fit, Settings, device_seconds


def lm_settings(params: LmTraining, field: str) -> Settings:
    """The loop's settings of a language-modelling run that a field of the resource describes."""
    return Settings(
        steps=params.steps,
        learning_rate=params.learning_rate,
        warmup_steps=params.warmup_steps,
        weight_decay=params.weight_decay,
        seed=params.seed,
        dropout=params.dropout > 0,
        field=f"{field}.learningRate",
    )


def lm_cost(ctx: StageContext, done: Fit, flops: float) -> Compute:
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


def lm_metrics(done: Fit) -> dict[str, Any]:
    """The curve and the last loss."""
    return {"finalLoss": done.final_loss, "maskedTokens": done.count, "curve": done.curve}
