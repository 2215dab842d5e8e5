"""Figures as people read them."""


def duration(seconds: float) -> str:
    """`42 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    for big, small, size, rest in (("min", "s", 60, 1), ("h", "min", 3600, 60)):
        if whole < size * (60 if big == "min" else 24):
            return f"{whole // size} {big} {whole % size // rest} {small}"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def quantity(value: float) -> str:
    """`950`, `12.3 k`, `4.56 M`, `7.89 G`, `1.2 T`, `3.4 P`, `5.6 E`; more as a power of ten."""
    if value < 1000:
        return f"{value:.0f}"
    for prefix in "kMGTPE":
        value /= 1000
        if value < 999.5:
            return f"{value:.3g} {prefix}"
    return f"{value * 1e18:.2e}"


def flops(value: float) -> str:
    """Floating-point operations; a dash for none."""
    return f"{value:.2e}" if value else "-"


def score(mean: float, stderr: float | None) -> str:
    """A score and, where it is known, its standard error."""
    return f"{mean:.3f}" + (f" ± {stderr:.3f}" if stderr is not None else "")
