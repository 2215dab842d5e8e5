"""Who shows a stage's curves: event files in its store always, MLflow where its variable is set."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from lingraft.errors import StageBusyError
from lingraft.stage import StageSpec
from lingraft.store.base import ArtifactStore
from lingraft.store.events import EventFiles
from lingraft_trainer.tracking.event_files import EventFileSink
from lingraft_trainer.tracking.mlflow_run import STAGE, STORE, URI, MlflowSink, RunOf, flat
from lingraft_trainer.tracking.recorder import Ending, Recorder, Sink


def run_of(spec: StageSpec, name: str) -> RunOf:
    """What MLflow is told of a stage: nothing that is not in the store as well."""
    stage = spec.stage
    home = f"{spec.store.rstrip('/')}/{stage.ref}/{spec.holder}/files/"
    return RunOf(
        name=name or f"{stage.kind}-{stage.digest[:12]}",
        tags={STAGE: stage.ref, STORE: spec.store},
        params={"kind": stage.kind} | flat(stage.params),
        artifact=home,
    )


@contextmanager
def recorded(spec: StageSpec, store: ArtifactStore, name: str) -> Iterator[Recorder]:
    """A recorder for the time that a stage is worked on; for the process that holds its lease.

    Args:
        spec: The stage.
        store: Where it is written.
        name: Of the resource and of the stage in its plan; may be empty.
    """
    sinks: dict[str, Sink] = {"TensorBoard": EventFileSink(EventFiles(store, spec.stage))}
    if os.environ.get(URI):
        sinks["MLflow"] = MlflowSink(run_of(spec, name))
    recorder = Recorder(sinks)
    ending: Ending | None = "FAILED"
    try:
        yield recorder
        ending = "FINISHED"
    except StageBusyError:
        ending = None  # another one writes it now
        raise
    except KeyboardInterrupt:
        ending = "KILLED"
        raise
    finally:
        if ending is not None:
            recorder.close(ending)
