"""Where results lie: one file a day, never committed."""

from datetime import date
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "results"


def today(kind: str = "trainer") -> Path:
    """The file of today's results of one benchmark, its folder made."""
    FOLDER.mkdir(exist_ok=True)
    return FOLDER / f"{kind}-{date.today().isoformat()}.json"


def newest(kind: str = "trainer", target: str = "bench") -> Path:
    """The newest results of one benchmark, which `make TARGET` writes.

    Raises:
        SystemExit: There are none.
    """
    found = sorted(FOLDER.glob(f"{kind}-*.json"))
    if not found:
        raise SystemExit(f"no results yet: run `make {target}` first")
    return found[-1]
