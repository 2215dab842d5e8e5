"""The whole simulated world: what a test, or a machine's rules, can do to it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Self
from unittest.mock import patch

from lingraft import planning
from lingraft.limits import OBJECT_BYTES
from lingraft.status import LanguageAdaptationStatus
from lingraft_operator import names
from lingraft_operator.config import Config
from lingraft_operator.jobs import apply
from lingraft_operator.observation import observe, readers
from lingraft_operator.status.summary import unfinished
from lingraft_operator.watches.handlers import is_finished, is_obeyed
from lingraft_operator.world import Key
from tests.support.operator.api_server import Body
from tests.support.operator.checks import is_live, owners_of
from tests.support.operator.copy import OperatorCopy
from tests.support.operator.fates import Fates

FINAL = ("Ready", "Stalled", "Suspended")


class Simulation(Fates):
    """Copies of the operator at work, time that goes by, and what must hold at rest."""

    @contextmanager
    def running(self, copies: int = 1) -> Iterator[Self]:
        """The world with its clock and stores in the operator's modules."""
        token = SimpleNamespace(token_hex=lambda _: f"{next(self._holders):08x}")
        with ExitStack() as stack:
            stack.enter_context(self.clock.installed())
            stack.enter_context(patch.object(observe, "open_store", self.open_store))
            stack.enter_context(patch.object(planning, "open_store", self._base))
            stack.enter_context(patch.object(planning, "fingerprint", self._fingerprint))
            stack.enter_context(patch.object(planning, "first_rows", lambda uri, wanted: None))
            stack.enter_context(patch.object(apply, "secrets", token))
            stack.enter_context(patch.object(readers, "FEW", 10_000))  # one after the other
            for _ in range(copies):
                self.add_copy()
            yield self

    def configure(self, settings: Config) -> None:
        """The chart's settings change: every copy starts anew with them."""
        self.config = settings
        for copy in self.copies:
            copy.config = settings.model_copy(update={"release": copy.config.release})
            copy.start()

    def add_copy(self) -> None:
        self.copies.append(OperatorCopy(self, f"copy-{len(self.copies)}", self.config))
        self.checks.one_at_a_time = len(self.copies) == 1 and self.checks.one_at_a_time

    def add_release(self, settings: Config) -> OperatorCopy:
        """Another release of the chart watches the same namespaces."""
        self.copies.append(OperatorCopy(self, settings.release, settings))
        self.checks.one_at_a_time = False
        return self.copies[-1]

    def remove_release(self, copy: OperatorCopy) -> None:
        """It is uninstalled: its mark is left behind."""
        copy.stop()
        self.copies.remove(copy)

    def clear_huge(self) -> None:
        """Somebody cleans the stores of what is too large."""
        for store in self.stores.values():
            for key in [k for k in store.everything() if store.size(k) > OBJECT_BYTES]:
                store.lose(key)

    def advance(self, seconds: float) -> None:
        """Let time pass; trainers that can show that they live."""
        self.clock.advance(seconds)
        self.kuberay.beat()
        for rayjob in self.rayjobs():
            trainer = self.kuberay.trainer_of(rayjob)
            if seconds >= 30 and trainer is not None and not trainer.alive and is_live(rayjob):
                self._blame(rayjob)  # it ended, and nobody says so

    def run_for(self, seconds: float) -> None:
        """Everything goes its way, without trainers that end."""
        until = self.clock.monotonic() + seconds
        for _ in range(100 + int(len(self.copies) * len(self.resources()) * seconds / 5)):
            if self._move():
                continue
            at = self._next_wake()
            if at is None or at > until:
                break
            self.advance(max(0.01, at - self.clock.monotonic()))
        else:
            raise AssertionError(f"this spins: {self.describe()}")
        self.advance(max(0.0, until - self.clock.monotonic()))

    def _move(self) -> bool:
        busy = False
        for copy in self.copies:
            busy |= copy.run()
        for rayjob in self.kuberay.rayjobs():
            busy |= self.kuberay.step(rayjob)
        busy |= self.api.collect_garbage()
        busy |= self.kuberay.pods_go()
        return busy

    def _next_wake(self) -> float | None:
        wakes = [at for copy in self.copies for at in copy.queue.at.values()]
        if any(copy.config.release != self.config.release for copy in self.copies):
            # What is renewed too late would be taken over.
            wakes += [copy.claims_at for copy in self.copies]
        return min(wakes, default=None)

    def heal(self) -> None:
        """Nothing goes wrong any more."""
        self.interrupts.clear()
        self.refused.clear()
        self.missing.clear()
        self.kuberay.refused, self.kuberay.held, self.old_kuberay = "", False, False
        if self.config != self.healthy:
            self.configure(self.healthy)
        self.slow_seconds, self.sources_away = 0.0, False
        self.deadly.clear()
        for key in self.resources():
            if any(one.reason == "SetAside" for one in self.status(key).conditions):
                self.annotate(key, names.RETRY, f"healed-{self.api.version}")
        for store in self.stores.values():
            store.refusing = False
        self.clear_huge()
        for copy in self.copies:
            copy.faults.clear()
            copy.list_again()
        for rayjob in self.kuberay.rayjobs():
            if rayjob["spec"].get("suspend"):
                self.suspend_rayjob(rayjob, False)
            if not self.kuberay.trouble_stays(rayjob):
                self.kuberay.set_pod(rayjob, {})

    def come_to_rest(self, most: int = 3000) -> None:
        """Let everything end well, as far as the past allows, until nothing is to be done.

        Raises:
            AssertionError: It never rests.
        """
        self.heal()
        looks, seen = 0, -1
        for _ in range(most):
            busy = self._move()
            for rayjob in self.working():
                self.finish(rayjob, "success")
            for trainer in self.kuberay.at_work():  # cut off, or somebody's own
                trainer.finish("success", {"evaluation": self.evaluation()})
                busy = True
            if busy:
                continue
            next_at = self._next_wake()
            if next_at is None or self._only_looks():
                return
            # Who needs somebody is looked at for ever: three times without a change is rest.
            looking = self._only_looks(healing=True) and seen == self.api.version
            looks = looks + 1 if looking else 0
            seen = self.api.version
            if looks > 3:
                return
            for copy in self.copies:  # it asks after RayJobs that went while a watch was broken
                copy.sweep()
            self.advance(max(0.01, next_at - self.clock.monotonic()))
        raise AssertionError(f"this never comes to rest: {self.describe()}")

    def _only_looks(self, *, healing: bool = False) -> bool:
        """Whether all that is still to be done is to look, some time, at what is there.

        Args:
            healing: Or at what somebody has to see to.
        """

        def is_looked_at(key: Key, body: Body) -> bool:
            if self.status(key).heals:
                return healing
            status = self.status(key)
            if unfinished(status):  # the model of before stays
                return healing and is_obeyed(body)
            by_schedule = status.refresh is not None and bool(status.refresh.next_schedule_time)
            settled = status.phase in FINAL and is_obeyed(body)
            return settled and (is_finished(body) or by_schedule)

        bodies = self.resources()
        # A copy of another release only looks whether that still is there.
        queued = {
            k for copy in self.copies for k in copy.queue.at if k not in copy.worker.gate.foreign
        }
        looks = all(key in bodies and is_looked_at(key, bodies[key]) for key in queued)
        return looks and not any(is_live(body) for body in self.rayjobs())

    def check_rest(self) -> None:
        """What must hold once nothing changes any more."""
        wanted: set[tuple[str, str, str]] = set()
        for key, body in self.resources().items():
            status = self.status(key)
            said = f"{key}: {self.describe()}"
            assert status.phase in FINAL, said
            assert status.observed_generation == body["metadata"]["generation"], said
            assert (status.phase == "Suspended") == bool(body["spec"].get("suspend")), said
            assert status.retry == body["metadata"]["annotations"].get(names.RETRY, ""), said
            self._has_reason(status, said)
            if status.phase == "Ready":
                continue
            wanted |= {(key[0], body["metadata"]["uid"], s.digest) for s in status.stages}
        for rayjob in self.rayjobs():
            assert not is_live(rayjob), f"an orphan, owned by {owners_of(rayjob)}"
        assert self._only_looks(healing=True), "somebody waits for nothing"
        assert not any(copy.slots_waiting() for copy in self.copies), "somebody waits for a slot"

    def _has_reason(self, status: LanguageAdaptationStatus, said: str) -> None:
        """Who is stalled can name a stage for which something went wrong, or a bad spec.

        All that may heal has healed: what is left is outside of the access list, or was deleted.
        """
        why = {condition.reason for condition in status.conditions if condition.type == "Stalled"}
        stays = {"AccessDenied", "ArtifactsGone", "NotConfigured"}
        assert why <= stays if status.heals else not why & stays, said
        failed = [stage for stage in status.stages if stage.state == "Failed"]
        assert not failed or status.phase != "Ready" or status.last_ready, said
        for stage in failed:
            blamed = f"{stage.kind}/{stage.digest}" in self.checks.blamed
            assert blamed or self.checks.everybody_blamed, said

    def describe(self) -> str:
        lines = [f"at {self.clock.now:%d %H:%M:%S}"]
        for key in self.resources():
            status = self.status(key)
            lines.append(f"{key} {status.phase} {status.progress} {status.conditions[:2]}")
            for s in status.stages:
                tried = [(a.uid, a.reason, a.counted) for a in s.attempts]
                lines.append(f"   {s.name} {s.state} {s.message!r} {tried}")
        for body in self.rayjobs():
            trainer = self.kuberay.trainer_of(body)
            metadata = body["metadata"]
            lines.append(
                f"{metadata['namespace']} {metadata['name']} {metadata['uid']} "
                f"{body.get('status')} {owners_of(body)} alive={trainer and trainer.alive}"
            )
        lines += [f"{copy.name}: {copy.queue.at}" for copy in self.copies]
        return "\n".join(lines)
