"""The trainer of one RayJob: a lease, heartbeats, checkpoints, a manifest or a failure."""

import contextlib
from datetime import timedelta
from typing import Any, Literal

from lingraft.errors import FailureClass, LingraftError, StageBusyError
from lingraft.stage import CONTRACT, Compute, Failure, Manifest, Progress, Result, StageSpec
from lingraft.store.json_object import timestamp, write_object
from lingraft.store.lease import Lease
from lingraft.store.stages import Checkpoint, StageStore
from tests.support.operator.clock import Clock
from tests.support.operator.memory_store import MemoryStore

Outcome = Literal["success", "user", "infrastructure", "resource", "killed", "outside"]
EXITS: dict[Outcome, int] = {
    "success": 0,
    "user": 2,
    "infrastructure": 1,
    "resource": 1,
    "outside": 4,
}
BUSY = 3


class Trainer:
    """`python -m lingraft_trainer`, as far as others can see it; it writes by the real code."""

    def __init__(
        self, spec: StageSpec, store: MemoryStore, clock: Clock, skew: timedelta = timedelta()
    ) -> None:
        """Start nothing yet.

        Args:
            spec: What it gets.
            store: Where it writes.
            clock: The right one.
            skew: How wrong its machine's is.
        """
        self.spec, self.store, self.clock = spec, store, clock
        self.environment: dict[str, Any] = {}
        """What stands in the manifest."""
        self.alive = self.holds = False
        self.mute = False
        """Whether it is stuck: alive, and never heard of again."""
        self.exit_code: int | None = None
        self.step = 0
        self.renewed_at = clock.now
        self.reported: FailureClass | None = None
        self.read = lambda: clock.now + skew
        self.stages = StageStore(store, spec.stage, spec.holder, now=self.read)
        self.lease = Lease(
            store, spec.stage, spec.holder, superseded=spec.superseded, now=self.read
        )

    def believes(self, seconds: float) -> bool:
        """Whether it has reason to think that it alone writes: its lease cannot be over yet."""
        fresh = self.clock.now < self.renewed_at + timedelta(seconds=seconds)
        return self.alive and self.holds and fresh

    def start(self) -> None:
        self.alive = True
        try:
            if self.stages.manifest() is not None:
                self._end(0)
                return
            self.lease.acquire()
        except StageBusyError:
            self._end(BUSY)
        except LingraftError:
            self._end(1)
        else:
            self.holds = True
            self.renewed_at = self.clock.now
            self.beat()

    def beat(self) -> None:
        """Ten seconds' heartbeat: the lease is renewed and progress written."""
        if not self.alive or not self.holds or self.mute:
            return
        try:
            self.lease.renew()
            self.renewed_at = self.clock.now
            self.step += 1
            self.stages.write_progress(Progress(step=self.step, steps=100))
        except StageBusyError:
            self._end(BUSY)
        except LingraftError:
            pass  # the store is away: it tries again

    def checkpoint(self) -> None:
        if not self.alive or not self.holds or self.mute:
            return
        home = f"{self.spec.stage.ref}/{self.spec.holder}/checkpoints/step-{self.step}/"
        at = timestamp(self.read())
        done = Checkpoint(holder=self.spec.holder, step=self.step, files=(), created_at=at)
        with contextlib.suppress(LingraftError):
            write_object(self.store, home + "checkpoint.json", done)

    def finish(self, outcome: Outcome, metrics: dict[str, Any]) -> None:
        """End as told, if it is at work."""
        if not self.alive:
            return
        if outcome == "killed":
            self._end(None)
            return
        code = EXITS[outcome]
        if outcome == "outside":  # the store refuses its keys: it can write nothing
            self._end(code)
            return
        try:
            if outcome == "success":
                self.lease.renew()
                compute = Compute(seconds=10.0, device_seconds=20.0)
                self._publish(Result(metrics=metrics, compute=compute))
                self.stages.drop_checkpoints()
            else:
                self._report(outcome)
            self.lease.release()
        except StageBusyError:
            code = BUSY
        except LingraftError:
            code = 1
        self._end(code)

    def _publish(self, result: Result) -> None:
        """As its release does: under the number of its own contract."""
        stage = self.spec.stage
        if stage.contract == CONTRACT:
            self.stages.publish((), result, self.environment)
            return
        mine = Manifest(
            contract=stage.contract,
            stage=stage,
            holder=self.spec.holder,
            files=(),
            metrics=result.metrics,
            compute=result.compute,
            environment=self.environment,
            created_at=timestamp(self.read()),
        )
        write_object(self.store, f"{stage.ref}/manifest.json", mine)

    def _report(self, failure_class: FailureClass) -> None:
        said = Failure(failure_class=failure_class, reason=f"{failure_class}Error", message="it")
        self.stages.write_failure(said)
        self.reported = failure_class

    def _end(self, code: int | None) -> None:
        self.alive, self.holds, self.exit_code = False, False, code
