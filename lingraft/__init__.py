"""The contract that the operator and the trainer share: resource, plan, stages, store, CLI.

`load` and `Languages` put language packs to use. They are the trainer's, and need it installed.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lingraft_trainer.packs.languages import Languages
    from lingraft_trainer.packs.load import Loaded, load

__version__ = "0.1.0"
__all__ = ["Languages", "Loaded", "load"]

_OF_TRAINER = {"Languages": "packs.languages", "Loaded": "packs.load", "load": "packs.load"}


def __getattr__(name: str) -> Any:
    """What is the trainer's, loaded when it is asked for: this package must not import it."""
    if name not in _OF_TRAINER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"lingraft_trainer.{_OF_TRAINER[name]}"), name)
