"""`bench/reference.py`, loaded by its path: it belongs to no package and imports none of ours."""

import importlib.util
from pathlib import Path
from types import ModuleType

PATH = Path(__file__).parents[2] / "bench" / "reference.py"


def load() -> ModuleType:
    """The module."""
    spec = importlib.util.spec_from_file_location("reference", PATH)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
