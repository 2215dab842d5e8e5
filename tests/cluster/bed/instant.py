"""A trainer without training: `python -m tests.cluster.bed.instant SPEC` in place of ours.

It does at the store what the real one does (lease, heartbeats, checkpoint, files, manifest or
failure), from the same spec and environment, with figures made up by `results.py`. The JSON
file in LINGRAFT_INSTANT says how it is to misbehave: see `Behaviours`.
"""

import os
import shlex
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from types import FrameType
from typing import Any

import lingraft
from lingraft.errors import (
    FailureClass,
    InfrastructureError,
    LingraftError,
    OutsideError,
    ResourceError,
    StageBusyError,
    UserError,
)
from lingraft.stage import Failure, Manifest, Progress, StageSpec
from lingraft.store import open_store
from lingraft.store.base import ArtifactStore
from lingraft.store.json_object import utc_now
from lingraft.store.lease import Lease
from lingraft.store.stages import StageStore, read_manifest
from lingraft_trainer.__main__ import BUSY, OUTSIDE
from tests.cluster.bed.behaviours import BEHAVIOURS, Behaviour, behaviour_of
from tests.cluster.bed.results import STEPS, result_of
from tests.support.operator.publisher import publish

TICKS = 10
FILES = {
    "corpus": ("tokenizer/tokenizer.json", "tokenizer_report.json"),
    "embed": ("embeddings.safetensors",),
    "graft": ("evaluation.json", "pack/pack.json"),
}
_ERRORS: dict[FailureClass, type[LingraftError]] = {
    "user": UserError,
    "outside": OutsideError,
    "infrastructure": InfrastructureError,
    "resource": ResourceError,
}


class Died(BaseException):
    """The process is gone: nothing may be tidied up."""


def run(
    spec: StageSpec, behaviour: Behaviour, over: threading.Event, store: ArtifactStore | None = None
) -> Manifest:
    """Do at the store what the real trainer does; see `lingraft_trainer.running.runner.run`.

    Raises:
        LingraftError: The stage failed; why stands in the store.
        KeyboardInterrupt: `over` was set; the lease is given back.
        Died: It was to die.
    """
    store = store or open_store(spec.store)
    stages = StageStore(store, spec.stage, spec.holder)
    if (done := stages.manifest()) is not None:
        return done
    lease = Lease(store, spec.stage, spec.holder, superseded=spec.superseded)
    lease.acquire()
    try:
        if (done := stages.manifest()) is None:
            done = _work(spec, store, stages, lease, behaviour, over)
    except Died:
        raise
    except StageBusyError:
        lease.release()
        raise
    except LingraftError as error:
        stages.write_failure(
            Failure(
                failure_class=error.failure_class,
                reason=type(error).__name__,
                message=error.message,
                where=error.where,
            )
        )
        lease.release()
        raise
    except BaseException:
        lease.release()
        raise
    lease.release()
    return done


def _work(
    spec: StageSpec,
    store: ArtifactStore,
    stages: StageStore,
    lease: Lease,
    behaviour: Behaviour,
    over: threading.Event,
) -> Manifest:
    stages.write_progress(Progress(step=0, steps=0, phase="fetching inputs"))
    for ref in spec.stage.inputs.values():
        if not ref.startswith("source/") and read_manifest(store, ref) is None:
            raise InfrastructureError("an input of this stage is not in the store yet", where=ref)
    if behaviour.hang:
        over.wait()
    with tempfile.TemporaryDirectory() as folder:
        if behaviour.seconds:
            _tick(stages, lease, behaviour.seconds / TICKS, over, Path(folder))
        if over.is_set():
            raise KeyboardInterrupt
        if behaviour.die:
            raise Died
        if behaviour.fail:
            raise _ERRORS[behaviour.fail](behaviour.message)
        out = Path(folder, "out")
        out.mkdir()
        for name in FILES.get(spec.stage.kind, ("config.json",)):
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_text(f"{spec.stage.ref}\n")
        result = result_of(spec.stage)
        if spec.stage.kind == "publish":
            place = open_store(spec.stage.params["uri"])
            made = publish(place, spec.stage, utc_now)
            result = result.model_copy(update={"metrics": made})
        done = stages.publish(stages.upload(out), result, environment())
    stages.drop_checkpoints()
    return done


def _tick(
    stages: StageStore, lease: Lease, seconds: float, over: threading.Event, folder: Path
) -> None:
    """Work through the steps from the newest checkpoint on."""
    begun = stages.latest_checkpoint()
    share = STEPS // TICKS
    for step in range((begun.step if begun else 0) + share, STEPS + 1, share):
        if over.wait(seconds):
            return
        lease.renew()
        loss = 8.0 - step / 20
        stages.write_progress(Progress(step=step, steps=STEPS, phase="training", loss=loss))
        if step == STEPS // 2:
            state = folder / "checkpoint"
            state.mkdir()
            (state / "state.json").write_text(str(step))
            stages.save_checkpoint(step, state)


def environment() -> dict[str, Any]:
    """The manifest's record of what made it."""
    return {"versions": {"lingraft": lingraft.__version__}, "device": "none", "instant": True}


def read_spec(argument: str, variables: Mapping[str, str]) -> StageSpec:
    """The spec in a file, on standard input (`-`) or in a variable (`env:NAME`).

    Raises:
        UserError: There is none.
    """
    try:
        if argument.startswith("env:"):
            text = variables[argument.removeprefix("env:")]
        else:
            text = sys.stdin.read() if argument == "-" else Path(argument).read_text()
        return StageSpec.model_validate_json(text)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"not a stage spec: {error}", where=argument) from error


def attempt(
    argument: str,
    variables: Mapping[str, str],
    over: threading.Event,
    opened: Callable[[str], ArtifactStore] = open_store,
) -> int:
    """One attempt: its exit code, and its last words on stderr."""
    try:
        spec = read_spec(argument, variables)
        behaviour = behaviour_of(variables.get(BEHAVIOURS), spec.stage)
        manifest = run(spec, behaviour, over, opened(spec.store))
    except LingraftError as error:
        print(f"error: {error}", file=sys.stderr)
        if isinstance(error, StageBusyError):
            return BUSY
        return OUTSIDE if isinstance(error, OutsideError) else error.exit_code
    except KeyboardInterrupt:
        print("stopped; run it again to resume", file=sys.stderr)
        return 130
    except Died:
        return 137
    print(f"{spec.stage.ref} done by {manifest.holder}")
    return 0


def main_inline(entrypoint: str, variables: Mapping[str, str], over: threading.Event) -> int:
    """An entrypoint in this process; boto3 takes this process's environment, not `variables`."""
    return attempt(shlex.split(entrypoint)[-1], variables, over, shared_store)


@lru_cache(maxsize=16)
def shared_store(uri: str) -> ArtifactStore:
    """A store for all of this process: making a client costs more than all of an attempt."""
    return open_store(uri)


def main(arguments: list[str]) -> int:
    """The entrypoint."""
    over = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        over.set()

    signal.signal(signal.SIGTERM, stop)
    code = attempt(arguments[0], os.environ, over)
    if code == 137:
        os.kill(os.getpid(), signal.SIGKILL)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
