"""Where results lie: one file a day, never committed."""

import json
from datetime import date
from pathlib import Path
from typing import Any

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


def note(kind: str, found: dict[str, Any]) -> Path:
    """Add to the file of today's results of another kind than `make bench`'s."""
    FOLDER.mkdir(exist_ok=True)
    file = FOLDER / f"{kind}-{date.today().isoformat()}.json"
    before = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps(before | found, indent=1) + "\n")
    return file
