"""The learning rate: linear warm-up, linear decay to zero."""


def learning_rate(step: int, *, peak: float, warmup: int, steps: int) -> float:
    """The rate of update `step` (from 0 to steps - 1)."""
    if step < warmup:
        return peak * (step + 1) / warmup
    return peak * (steps - step) / max(1, steps - warmup)
