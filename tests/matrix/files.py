"""Small edits of a checkpoint's files."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor

Tensors = dict[str, Tensor]


def edit_json(file: Path, **settings: Any) -> None:
    """Set some settings of a JSON file; None writes null, `...` takes one out."""
    content = json.loads(file.read_text()) | settings
    kept = {name: value for name, value in content.items() if value is not ...}
    file.write_text(json.dumps(kept, indent=1))


def edit_tensors(folder: Path, change: Callable[[Tensors], Tensors]) -> None:
    """Write the tensors of every file of a model anew."""
    for file in sorted(folder.glob("model*.safetensors")):
        changed = change(load_file(file))
        save_file({n: t.contiguous() for n, t in changed.items()}, file, metadata={"format": "pt"})


def tensors_of(folder: Path) -> Tensors:
    """All tensors of a checkpoint, of all its shards."""
    found: Tensors = {}
    for file in sorted(folder.glob("model*.safetensors")):
        found |= load_file(file)
    return found
