"""Stage kinds to their functions. Modules are loaded when wanted: each pulls in a lot."""

from collections.abc import Callable
from importlib import import_module

from lingraft.stage import Result, StageKind
from lingraft_trainer.running.context import StageContext

StageFunction = Callable[[StageContext], Result]


def stage_function(kind: StageKind) -> StageFunction:
    """The function that does a stage."""
    function: StageFunction = getattr(import_module(f"lingraft_trainer.stages.{kind}"), kind)
    return function
