"""Where results lie: one file a day, never committed."""

from datetime import date
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "results"


def today() -> Path:
    """The file of today's results, its folder made."""
    FOLDER.mkdir(exist_ok=True)
    return FOLDER / f"trainer-{date.today().isoformat()}.json"


def newest() -> Path:
    """The newest results.

    Raises:
        SystemExit: There are none.
    """
    found = sorted(FOLDER.glob("trainer-*.json"))
    if not found:
        raise SystemExit("no results yet: run `make bench` first")
    return found[-1]
