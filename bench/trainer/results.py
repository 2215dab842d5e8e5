"""Where results lie: one file a day, never committed."""

import json
from datetime import date
from pathlib import Path
from typing import Any

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


def note(kind: str, found: dict[str, Any]) -> Path:
    """Add to the file of today's results of another kind than `make bench`'s."""
    file = today(kind)
    before = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps(before | found, indent=1) + "\n")
    return file
