"""Rotations in a config.json as transformers 4 says them, beside how 5 does.

5 writes `rope_parameters` alone. Whoever reads as 4 does (many servers do) knows no such name,
takes its default without a word, and computes other rotations: Llama 3.2's by 10,000 instead of
500,000, unscaled.
"""

import json
from pathlib import Path
from typing import Any

from lingraft.selection import CONFIG
from lingraft_trainer.models.seen import FULL, LOCAL

_BY_KIND = {"modernbert": ("global_rope_theta", "local_rope_theta")}
"""Names of the bases of layers that look at all tokens, and at near ones; by model type."""
_OF_MOST = ("rope_theta", "rope_local_base_freq")
_ELSEWHERE = ("rope_theta", "partial_rotary_factor")
"""What 5 has among the scaling's settings, and 4 beside them."""
_CHECKED, _LONGROPE = ("phi3", "longrope"), ("long_factor", "short_factor")
"""All that 4 lets Phi-3 say of it, beside its type; the rest is in the config itself."""


def say_as_before(folder: Path) -> None:
    """Have a checkpoint's config.json say its rotations by the names of transformers 4, too."""
    file = folder / CONFIG
    config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    said = former_names(config)
    if said:
        text = json.dumps(config | said, indent=2, sort_keys=True)
        file.write_text(text + "\n", encoding="utf-8")


def former_names(config: dict[str, Any]) -> dict[str, Any]:
    """The settings that transformers 4 reads, of a config that 5 wrote; none without rotations."""
    found: dict[str, Any] = config.get("rope_parameters") or {}
    if not found:
        return {}
    by_kind = FULL in found
    whole, near = (found.get(kind) or {} for kind in (FULL, LOCAL)) if by_kind else (found, {})
    names = _BY_KIND.get(str(config.get("model_type")), _OF_MOST)
    bases = zip(names, (whole, near), strict=True)
    said = {name: one["rope_theta"] for name, one in bases if "rope_theta" in one}
    return said | {"rope_scaling": _scaling(whole, str(config.get("model_type")))}


def _scaling(rotations: dict[str, Any], model_type: str) -> dict[str, Any] | None:
    kind = rotations.get("rope_type", "default")
    if kind == "default":
        return None
    if (model_type, kind) == _CHECKED:
        return {"type": kind} | {name: rotations[name] for name in _LONGROPE}
    return {name: one for name, one in rotations.items() if name not in _ELSEWHERE}
