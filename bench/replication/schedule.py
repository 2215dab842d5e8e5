"""Several stages at a time on one machine, each in a process of its own.

Runs share most of their stages, so what is scheduled is stages, not runs: one starts when all that
it reads is in the store. An interrupted stage leaves a checkpoint, and the next call goes on.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess
from typing import Any, Literal

from lingraft.errors import LingraftError, UserError
from lingraft.plan import Plan, PlannedStage
from lingraft.stage import Execution

ALONE = ("corpus", "pretrain", "finetune")
"""Kinds that take every core while nothing else can run: their time is not compared."""
Stages = Mapping[str, tuple[Plan, PlannedStage]]
Precision = Literal["auto", "fp32", "bf16"]


def ready(stages: Stages, done: set[str], running: set[str]) -> list[str]:
    """What can start: not done, not running, and all that it reads is done or not ours."""
    waiting = [ref for ref in stages if ref not in done | running]
    return [
        ref
        for ref in waiting
        if all(one in done or one not in stages for one in stages[ref][1].stage.inputs.values())
    ]


def threads_of(kind: str, *, alone: bool, cores: int, jobs: int) -> int:
    """Threads of a stage: its share of the cores, or all of them where nobody is kept waiting."""
    return cores if alone and kind in ALONE else max(1, cores // jobs)


def run_stages(
    stages: Stages,
    labels: Mapping[str, str],
    done: set[str],
    jobs: int,
    precision: Precision,
) -> None:
    """Run what is not done, `jobs` at a time, in the order given where it can be chosen.

    Args:
        stages: By their place in the store.
        labels: What to call each of them.
        done: Places of what is in the store; what is run is added.
        jobs: Stages at a time.
        precision: Of what is trained.

    Raises:
        UserError: A stage failed; it said why.
    """
    context = multiprocessing.get_context("forkserver")
    # Imported once, and forked from: it takes as long as a small evaluation.
    context.set_forkserver_preload(
        ["lingraft_trainer.running.attempt", "lingraft_trainer.stages.graft"]
    )
    cores, total = os.cpu_count() or 1, len(stages)
    running: dict[Any, tuple[str, ForkServerProcess]] = {}
    try:
        while len(done & stages.keys()) < total:
            can = ready(stages, done, {ref for ref, _ in running.values()})
            for ref in can[: jobs - len(running)]:
                plan, planned = stages[ref]
                alone = len(can) == 1 and not running
                threads = threads_of(planned.stage.kind, alone=alone, cores=cores, jobs=jobs)
                label = f"[{len(done & stages.keys()) + 1}/{total}] {labels[ref]}"
                process = context.Process(
                    target=_run, args=(plan, planned, threads, precision, label)
                )
                with _uninterrupted():  # or nobody would know of the process
                    process.start()
                    running[process.sentinel] = ref, process
            if not running:
                raise UserError("no stage that is left can start", where=", ".join(labels.values()))
            for sentinel in wait(list(running)):
                ref, process = running.pop(sentinel)
                process.join()
                if process.exitcode:
                    raise UserError("the stage did not end well; see above", where=labels[ref])
                done.add(ref)
    except BaseException:
        _interrupt([process for _, process in running.values()])
        raise


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ctrl-C waits until what is inside is done."""
    late: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: late.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if late:
        raise KeyboardInterrupt


def _interrupt(processes: Sequence[ForkServerProcess]) -> None:
    for process in processes:
        if process.is_alive() and process.pid is not None:
            os.kill(process.pid, signal.SIGINT)
    for process in processes:
        process.join()


def _run(plan: Plan, planned: PlannedStage, threads: int, precision: Precision, label: str) -> None:
    """In a process of its own."""
    from lingraft.store.lease import local_holder
    from lingraft.views.plain import Plain
    from lingraft_trainer.running.runner import run

    os.setsid()  # a Ctrl-C reaches the parent alone, which passes it on once
    execution = Execution(threads=threads, precision=precision)
    spec = plan.spec(planned, local_holder()).model_copy(update={"execution": execution})
    listener = Plain()
    listener.started(label)
    try:
        listener.finished(label, run(spec, lambda progress: listener.progress(label, progress)))
    except LingraftError as error:
        listener.failed(label, error)
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
