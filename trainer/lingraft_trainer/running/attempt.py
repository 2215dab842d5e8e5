"""One worker's part in one attempt at a stage: lease, inputs, work, publication.

Every worker of an attempt runs `work`; only rank 0 speaks to the store. It holds the lease,
renews it with each heartbeat, and writes the manifest last.
"""

import os
import platform
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, nullcontext, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from transformers.utils import logging as transformers_logging

import lingraft
from lingraft.errors import (
    CorruptArtifactError,
    LingraftError,
    StageBusyError,
    UnsuitableStoreError,
)
from lingraft.stage import LOCAL, MADE_FOR, WRITER, WRITTEN_BY, Manifest, Progress, Stage, StageSpec
from lingraft.store import open_store
from lingraft.store.base import ArtifactStore
from lingraft.store.lease import Lease, is_local
from lingraft.store.stages import StageStore, read_manifest
from lingraft_trainer.machine.cores import usable_cores
from lingraft_trainer.machine.device import device_of_this_worker
from lingraft_trainer.machine.gauges import Gauges
from lingraft_trainer.machine.machines import ray_runs
from lingraft_trainer.running.context import StageContext
from lingraft_trainer.running.failures import classified, failure_of
from lingraft_trainer.running.heartbeat import Heartbeat, Listener
from lingraft_trainer.running.inputs import fetch_input, uri_of
from lingraft_trainer.running.log import HolderLog
from lingraft_trainer.running.places import as_written
from lingraft_trainer.running.renewal import awaited
from lingraft_trainer.stages.registry import stage_function
from lingraft_trainer.tracking.recorder import Recorder
from lingraft_trainer.tracking.stage import recorded


def work(
    spec: StageSpec,
    *,
    rank: int = 0,
    world: int = 1,
    listener: Listener | None = None,
    nodes_leaving: Callable[[], frozenset[str]] = frozenset,
    name: str = "",
) -> None:
    """Do a stage's work as one of `world` workers; rank 0 publishes.

    Args:
        spec: The stage.
        rank: This worker's number.
        world: How many there are.
        listener: Receives every progress of rank 0.
        nodes_leaving: Which of the run's nodes are about to be taken away.
        name: What people call it: the resource and the stage.

    Raises:
        LingraftError: The stage failed; rank 0 has written why to the store.
        StageBusyError: Another holder is at work on it; nothing was done.
        KeyboardInterrupt: Asked to stop; the lease is given back.
    """
    # Its reports of tensors that are "missing" (a task's new head) or "unexpected" are meant.
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    store = open_store(spec.store)
    stages = StageStore(store, spec.stage, spec.holder)
    lease = Lease(store, spec.stage, spec.holder, superseded=spec.superseded)
    if rank == 0:
        _check(store, stages)
        lease.acquire()
    with HolderLog(spec, name) if rank == 0 else nullcontext() as log:
        try:
            # Whoever had the lease before may have finished just then.
            if stages.manifest() is None:
                _work(spec, store, stages, lease, rank, world, listener, nodes_leaving, name, log)
        except StageBusyError:
            raise
        except Exception as error:
            failure = classified(error)
            if rank == 0:
                # Without the lease it was asked to stop: what broke then is no failure. And a
                # store that is away must not hide what broke.
                with suppress(LingraftError):
                    lease.renew()
                    stages.write_failure(failure_of(failure))
            if failure is error:
                raise
            raise failure from error
        finally:
            if rank == 0:
                with suppress(LingraftError):  # the lease expires by itself
                    lease.release()


def _check(store: ArtifactStore, stages: StageStore) -> None:
    """Try the server, before a lease relies on it; what it lacks is said as far as it can be."""
    try:
        store.check_writes()
    except UnsuitableStoreError as error:
        with suppress(LingraftError):
            stages.write_failure(failure_of(error))
        raise


def _work(
    spec: StageSpec,
    store: ArtifactStore,
    stages: StageStore,
    lease: Lease,
    rank: int,
    world: int,
    listener: Listener | None,
    nodes_leaving: Callable[[], frozenset[str]],
    name: str,
    log: HolderLog | None,
) -> None:
    device = device_of_this_worker(spec.execution.gpus_per_worker)
    threads = spec.execution.threads or max(1, usable_cores() // _local_world(world))
    torch.set_num_threads(threads)
    with ExitStack() as closing:
        folder = closing.enter_context(tempfile.TemporaryDirectory(prefix="lingraft-"))
        scratch, out = Path(folder, "scratch"), Path(folder, "out")
        scratch.mkdir()
        out.mkdir()
        gauges = Gauges(spec.stage) if rank == 0 and ray_runs() else None
        heartbeat = Heartbeat(stages, lease, listener, gauges, log)
        recorder = Recorder({})
        if rank == 0:  # alone holds the lease
            heartbeat(Progress(step=0, steps=0, phase="fetching inputs"))
            closing.enter_context(heartbeat)  # which writes this one at once
        closing.enter_context(awaited(heartbeat.waits))
        if rank == 0:
            recorder = closing.enter_context(recorded(spec, store, name))

        def save(step: int, where: Path) -> None:
            recorder.flush(step)  # first: what is shown is never behind what is resumed from
            stages.save_checkpoint(step, where)

        def load() -> Path | None:
            found, step = _load_checkpoint(stages, scratch, world)
            recorder.resumed(step)
            return found

        ctx = StageContext(
            params=spec.stage.params,
            inputs={name: fetch_input(spec, store, name) for name in spec.stage.inputs},
            refs=spec.stage.inputs,
            out=out,
            scratch=scratch,
            execution=spec.execution,
            threads=threads,
            rank=rank,
            world=world,
            device=device,
            on_progress=heartbeat,
            on_measures=recorder.measured,
            save_checkpoint=save,
            load_checkpoint=load,
            nodes_leaving=nodes_leaving,
            uri_of=lambda ref: uri_of(spec, store, ref),
            ancestors=lambda: ancestors(store, spec.stage),
            environment=environment(spec, world, threads) | called(name),
        )
        try:
            result = stage_function(spec.stage.kind)(ctx)
        except LingraftError as error:
            error.where = as_written(error.where, spec, ctx.inputs)
            raise
        if rank == 0:
            heartbeat(Progress(step=1, steps=1, phase="uploading"))
            lease.renew()
            stages.publish(stages.upload(out), result, ctx.environment)
            with suppress(LingraftError):  # the stage is done, whatever is left over
                stages.drop_checkpoints()


def ancestors(store: ArtifactStore, stage: Stage) -> dict[str, Manifest]:
    """The manifests of all stages that a stage rests on, by `<kind>/<digest>`."""
    found: dict[str, Manifest] = {}
    wanted = list(stage.inputs.values())
    while wanted:
        ref = wanted.pop()
        if ref.startswith("source/") or ref in found:
            continue
        manifest = read_manifest(store, ref)
        if manifest is not None:
            found[ref] = manifest
            wanted += manifest.stage.inputs.values()
    return found


def _load_checkpoint(stages: StageStore, scratch: Path, world: int) -> tuple[Path | None, int]:
    """The furthest complete and undamaged checkpoint's folder and updates, the same for all."""
    found = [stages.checkpoints()]
    if world > 1:
        # Workers of a head that was killed may write on for a while: what rank 0 sees holds.
        dist.broadcast_object_list(found, src=0)
    for checkpoint in found[0]:
        folder = scratch / f"{checkpoint.holder}-{checkpoint.step}"
        try:
            stages.load_checkpoint(checkpoint, folder)
        except CorruptArtifactError:
            shutil.rmtree(folder, ignore_errors=True)
            continue
        return folder, checkpoint.step
    return None, 0


def environment(spec: StageSpec, world: int, threads: int) -> dict[str, Any]:
    """What may explain a difference between two results of one recipe."""
    return {
        "versions": {n: version(n) for n in ("torch", "transformers", "ray")}
        | {"lingraft": lingraft.__version__},
        "python": platform.python_version(),
        "machine": platform.machine(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else processor(),
        "workers": world,
        "threads": threads,
        "microBatchTokens": spec.execution.micro_batch_tokens,
        WRITTEN_BY: os.environ.get(WRITER) or (LOCAL if is_local(spec.holder) else "unknown"),
    }


def called(name: str) -> dict[str, str]:
    """What people call the stage, where that is known."""
    return {MADE_FOR: name} if name else {}


def processor() -> str:
    """What the CPU calls itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((x.partition(":")[2].strip() for x in lines if x.startswith("model name")), "CPU")


def _local_world(world: int) -> int:
    return int(os.environ.get("LOCAL_WORLD_SIZE", world))
