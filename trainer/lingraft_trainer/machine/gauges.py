"""A training run among Ray's metrics, which its dashboard and Prometheus show.

Ray puts `ray_` before the names, and exports them from the node that holds rank 0.
"""

from lingraft.stage import Progress, Stage


class Gauges:
    """Loss, speed and progress of one stage; for processes that are connected to Ray."""

    def __init__(self, stage: Stage) -> None:
        from ray.util.metrics import Gauge

        tags = {"kind": stage.kind, "digest": stage.digest[:12]}

        def gauge(name: str, description: str) -> Gauge:
            made = Gauge(f"lingraft_train_{name}", description, tag_keys=tuple(tags))
            made.set_default_tags(tags)
            return made

        self._loss = gauge("loss", "Mean training loss of the last update, in nats.")
        self._rate = gauge("tokens_per_second", "Tokens trained on each second, over all workers.")
        self._progress = gauge("progress_ratio", "Share of the stage's updates that is done, 0..1.")

    def set(self, progress: Progress) -> None:
        """Show a progress; called with every heartbeat, not with every update."""
        if progress.steps:
            self._progress.set(progress.step / progress.steps)
        if progress.loss is not None:
            self._loss.set(progress.loss)
        if progress.tokens_per_second is not None:
            self._rate.set(progress.tokens_per_second)
