"""Run one stage to its manifest: here, or on Ray Train workers.

A valid manifest alone is success. Where there is one already nothing is done.
"""

import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import torch

from lingraft.errors import InfrastructureError, LingraftError, StageBusyError, UserError
from lingraft.stage import DATA_PARALLEL, Manifest, StageSpec
from lingraft.store import open_store
from lingraft.store.lease import Lease
from lingraft.store.stages import StageStore
from lingraft_trainer.machine.cores import usable_cores
from lingraft_trainer.machine.machines import one_machine
from lingraft_trainer.running.failures import failure_of, of_workers
from lingraft_trainer.running.heartbeat import Listener
from lingraft_trainer.running.log import add_ending


def run(spec: StageSpec, listener: Listener | None = None, name: str = "") -> Manifest:
    """Run a stage unless it is done, and return its manifest.

    Args:
        spec: The stage, its inputs and how to execute it.
        listener: Receives progress: every step of a stage in this process, every heartbeat of
            one on Ray workers.
        name: What people call it: the resource and the stage.

    Raises:
        LingraftError: Of the class that the failed attempt wrote to the store.
    """
    stages = StageStore(open_store(spec.store), spec.stage, spec.holder)
    done = stages.manifest()
    if done is not None:
        return done
    if spec.execution.workers == 0:
        if not one_machine():
            from lingraft_trainer.machine.local_ray import start_ray

            start_ray()  # there is one anyway: its metrics show how training goes
        # Loads transformers: with workers this process, which only waits for them, need not.
        from lingraft_trainer.running.attempt import work

        work(spec, listener=listener, name=name)
    else:
        try:
            with _following(stages, spec.holder, listener):
                _on_ray(spec, name)
        except BaseException as error:
            _give_up(spec, stages, error)
            raise
    done = stages.manifest()
    if done is None:
        raise InfrastructureError("the stage ended without a manifest", where=spec.stage.ref)
    return done


@contextmanager
def _following(stages: StageStore, holder: str, listener: Listener | None) -> Iterator[None]:
    """Meanwhile, pass on the heartbeats that the workers write to the store."""
    over = threading.Event()

    def follow() -> None:
        seen = ""
        while not over.wait(2.0):
            progress = stages.read_progress(holder)
            if listener is not None and progress is not None and progress.updated_at != seen:
                seen = progress.updated_at
                listener(progress)

    thread = threading.Thread(target=follow, daemon=True)
    if listener is not None:
        thread.start()
    try:
        yield
    finally:
        over.set()


def _give_up(spec: StageSpec, stages: StageStore, error: BaseException) -> None:
    """Say why, and give the lease back: a worker that Ray or a signal ended did neither.

    One that still runs finds the lease gone at its next heartbeat, and stops.
    """
    with suppress(LingraftError):
        if isinstance(error, LingraftError) and not isinstance(error, StageBusyError):
            stages.write_failure(failure_of(error))
            add_ending(spec, error)
        Lease(open_store(spec.store), spec.stage, spec.holder).release()


def _on_ray(spec: StageSpec, name: str) -> None:
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchTrainer

    from lingraft_trainer.machine.local_ray import loopback_config, start_ray

    local = one_machine()
    workers, threads = spec.execution.workers, spec.execution.threads or 1
    if spec.stage.kind not in DATA_PARALLEL:
        # On this machine one worker has the cores of all.
        workers, threads = 1, workers * threads if local else threads
    execution = spec.execution.model_copy(update={"threads": threads})
    spec = spec.model_copy(update={"execution": execution})
    gpus = gpus_of_each(workers, threads) if local else spec.execution.gpus_per_worker
    start_ray()
    resources: dict[str, float] = {"CPU": threads}
    if gpus:
        resources["GPU"] = gpus
    with tempfile.TemporaryDirectory(prefix="lingraft-ray-") as folder:
        rendezvous = f"{folder}/rendezvous" if local and workers > 1 else None
        trainer = TorchTrainer(
            _worker,
            train_loop_config={"spec": spec.to_json(), "rendezvous": rendezvous, "name": name},
            torch_config=loopback_config() if local else None,
            scaling_config=ScalingConfig(
                num_workers=workers, use_gpu=gpus > 0, resources_per_worker=resources
            ),
            # A lost worker ends the attempt; the next one goes on from the furthest checkpoint
            # in the artifact store. Ray's own storage holds no state of ours: Ray Train writes
            # a marker there from its controller, which runs beside this process, and workers
            # look for it only to report a checkpoint. So the folder need not be shared.
            run_config=RunConfig(
                name=spec.holder,
                storage_path=folder,
                failure_config=FailureConfig(max_failures=0, max_preemption_failures=0),
            ),
        )
        before = signal.getsignal(signal.SIGINT)
        try:
            trainer.fit()
        except SystemExit as stop:  # Ray's own answer to Ctrl-C
            raise KeyboardInterrupt from stop
        except Exception as error:
            raise of_workers(error) from error
        finally:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGINT, before)


def gpus_of_each(workers: int, threads: int) -> int:
    """GPUs of one worker on this machine: one where there are any, or Ray would hide them all.

    Raises:
        UserError: More workers than fit.
    """
    cores, gpus = usable_cores(), torch.cuda.device_count()
    if workers * threads > cores:
        what = f"{workers} workers of {threads} threads do not fit on {cores} cores: ask for fewer"
    elif gpus and workers > gpus:
        what = (
            f"{workers} workers do not fit on {gpus} GPU{'s' * (gpus > 1)}: ask for fewer, or set "
            "CUDA_VISIBLE_DEVICES= to train on the CPU"
        )
    else:
        return min(1, gpus)
    raise UserError(what, where="--workers")


def _worker(config: dict[str, Any]) -> None:
    import ray.train

    from lingraft_trainer.machine.local_ray import join
    from lingraft_trainer.machine.preemption import nodes_leaving
    from lingraft_trainer.running.attempt import work

    context = ray.train.get_context()
    rank, world = context.get_world_rank(), context.get_world_size()
    if config["rendezvous"] is not None:
        join(config["rendezvous"], rank, world)
    spec = StageSpec.model_validate(config["spec"])
    work(spec, rank=rank, world=world, nodes_leaving=nodes_leaving, name=config["name"])
