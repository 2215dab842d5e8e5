"""How far a run is, and how fast: said after every update."""

import time

from lingraft.stage import Progress
from lingraft_trainer.running.context import StageContext

SHOWN_POINTS = 1000
"""Of a curve that is shown, about; the manifest has a shorter one."""


class Clock:
    """Reports after every update; measures tokens per second meanwhile.

    Args:
        ctx: Whom to tell.
        steps: Updates of the run.
        phase: What to call it.
    """

    def __init__(self, ctx: StageContext, steps: int, phase: str) -> None:
        self.ctx, self.steps, self.phase = ctx, steps, phase
        self.window = time.perf_counter()
        self.first_step: int | None = None
        self.started = self.window
        self.tokens = 0
        self.rate: float | None = None

    def tick(self, step: int, loss: float, tokens: int, rate: float) -> None:
        """Called after each update.

        Args:
            step: Updates done.
            loss: Of the last, mean, in nats.
            tokens: Of the last, over all workers.
            rate: It was made with.
        """
        now = time.perf_counter()
        if self.first_step is None:
            # The first update warms caches up: it is not counted in the rate.
            self.first_step, self.started, self.window = step, now, now
        else:
            self.tokens += tokens
            if now - self.window > 2.0:
                self.rate = self.tokens / (now - self.window)
                self.tokens, self.window = 0, now
        timed = step - self.first_step
        left = (now - self.started) / timed * (self.steps - step) if timed else None
        self.ctx.report(
            Progress(
                step=step,
                steps=self.steps,
                phase=self.phase,
                loss=round(loss, 4),
                tokens_per_second=self.rate,
                seconds_left=None if left is None else round(left, 1),
            )
        )
        if step % max(1, self.steps // SHOWN_POINTS) == 0:
            shown = {"train/loss": loss, "train/learningRate": rate}
            if self.rate is not None:
                shown["train/tokensPerSecond"] = self.rate
            self.ctx.measured(step, shown)
