"""Where results lie: one file a run of a benchmark, never committed."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from lingraft_trainer.running.attempt import processor

FOLDER = Path(__file__).parents[1] / "results"
LIBRARIES = ("torch", "transformers", "accelerate")


def begin(kind: str) -> Callable[[dict[str, Any]], Path]:
    """A function that writes what was found so far, into a file of this run's own.

    Where and when it is said beside it. Called after every part: what was measured before an
    interruption is kept.
    """
    FOLDER.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    file = FOLDER / f"{kind}-{now:%Y-%m-%dT%H%M%S.%f}.json"
    where = {
        "date": now.isoformat(timespec="seconds"),
        "processor": processor(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "versions": {name: version(name) for name in LIBRARIES},
    }

    file.touch(exist_ok=False)

    def write(found: dict[str, Any]) -> Path:
        file.write_text(json.dumps(where | found, indent=2) + "\n")
        return file

    return write


def newest(kind: str, target: str) -> dict[str, Any]:
    """The newest results of one benchmark, which `make TARGET` writes.

    Raises:
        SystemExit: There are none.
    """
    written = [file.read_text() for file in FOLDER.glob(f"{kind}-*.json")]
    found = [json.loads(text) for text in written if text]
    if not found:
        raise SystemExit(f"no results yet: run `make {target}` first")
    return max(found, key=lambda one: one["date"])
