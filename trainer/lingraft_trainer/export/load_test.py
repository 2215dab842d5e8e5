"""Whether a folder loads in a process that knows nothing of what wrote it."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lingraft.errors import LingraftError
from lingraft_trainer.export import loads

SECONDS = 1800


def load_test(folder: Path, auto: str, tag: str) -> dict[str, Any]:
    """What a clean process said of a whole model.

    Args:
        folder: Of the model.
        auto: transformers' auto class that it is for.
        tag: The Hub's name of its pipeline.

    Raises:
        LingraftError: It does not load, lacks a tensor, or gives values that are no numbers.
    """
    command = [sys.executable, "-I", loads.__file__, str(folder), auto, tag]
    offline = {"HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
    run = subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS, env=os.environ | offline
    )
    if run.returncode:
        last = run.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise LingraftError(f"the exported model does not load: {last[0]}", where=str(folder))
    found: dict[str, Any] = json.loads(run.stdout.strip().splitlines()[-1])
    judge(found, folder)
    return found


def judge(found: Mapping[str, Any], folder: Path) -> None:
    """Refuse what lacks a tensor, or gives values that are no numbers.

    Args:
        found: What `loads.look` found.
        folder: Of the model, for the message.

    Raises:
        LingraftError: Says which.
    """
    if found["missing"] or not found["finite"]:
        what = f"lacks {found['missing'][0]}" if found["missing"] else "gives no numbers"
        raise LingraftError(f"the exported model {what}", where=str(folder))
