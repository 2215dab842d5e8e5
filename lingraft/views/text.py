"""Short words for numbers, the same in every view."""

from lingraft.stage import Manifest, Progress


def duration(seconds: float | None) -> str:
    """`45 s`, `3 min 05 s`, `2 h 10 min`, `12 days`; empty where unknown."""
    if seconds is None:
        return ""
    total = round(seconds)
    if total < 60:
        return f"{total} s"
    if total < 3600:
        return f"{total // 60} min {total % 60:02} s"
    if total < 100 * 3600:
        return f"{total // 3600} h {total % 3600 // 60:02} min"
    return f"{total / 86400:,.0f} days"


def flops(value: float) -> str:
    """FLOPs with the exponent people compare by; `-` for none."""
    return f"{value:.2e}" if value else "-"


def gib(size: int) -> str:
    """Bytes as GiB with one digit; `-` for none."""
    return f"{size / 2**30:.1f}" if size else "-"


def describe(progress: Progress) -> str:
    """One line of progress."""
    parts = [progress.phase]
    if progress.steps > 1:
        parts.append(f"{progress.step}/{progress.steps}")
    if progress.loss is not None:
        parts.append(f"loss {progress.loss:.3f}")
    if progress.tokens_per_second is not None:
        parts.append(f"{progress.tokens_per_second:,.0f} tokens/s")
    if progress.seconds_left:
        parts.append(f"{duration(progress.seconds_left)} left")
    return "  ".join(parts)


def outcome(manifest: Manifest) -> str:
    """What a finished stage says of itself."""
    loss = manifest.metrics.get("finalLoss")
    parts = [duration(manifest.compute.seconds)]
    if loss is not None:
        parts.append(f"loss {loss:.3f}")
    return ", ".join(part for part in parts if part)
