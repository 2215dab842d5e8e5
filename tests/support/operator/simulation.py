"""The whole simulated world: what a test, or a machine's rules, can do to it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from lingraft import planning
from lingraft.errors import InfrastructureError, UserError
from lingraft.resource import API_VERSION, KIND
from lingraft.sources import pin
from lingraft.stage import Source
from lingraft.status import LanguageAdaptationStatus
from lingraft_operator import apply, names, observe
from lingraft_operator.cluster import Conflict
from lingraft_operator.config import Config
from lingraft_operator.events import Note
from lingraft_operator.handlers import is_finished, is_obeyed
from lingraft_operator.world import Key
from tests.support.operator.api_server import KINDS, LA, RAYJOB, ApiServer, Body
from tests.support.operator.checks import Checks, is_live, owners_of, stage_of
from tests.support.operator.clock import Clock
from tests.support.operator.copy import OperatorCopy
from tests.support.operator.kuberay import KubeRay, ref_of, spec_of
from tests.support.operator.memory_store import MemoryStore
from tests.support.operator.trainer import Outcome, Trainer

STORE = "s3://lingraft/"
FINAL = ("Ready", "Stalled", "Suspended")
BASE_CONFIG = (
    b'{"model_type": "bert", "num_hidden_layers": 12, "hidden_size": 768, "vocab_size": 30522,'
    b' "intermediate_size": 3072, "max_position_embeddings": 512,'
    b' "architectures": ["BertForMaskedLM"]}'
)


def config(**changes: Any) -> Config:
    """The chart's settings in the simulated world."""
    allowed = ["s3://corpora/", "s3://models/", "s3://tasks/", STORE]
    fields: dict[str, Any] = {
        "trainerImage": "lingraft/trainer:1",
        "access": [{"namespace": "*", "prefixes": allowed}],
    }
    return Config.model_validate(fields | changes)


class Simulation:
    """Everything around one or more copies of the operator."""

    def __init__(self, settings: Config | None = None) -> None:
        self.config = self.healthy = settings or config()
        self.clock = Clock()
        self.api = ApiServer(self.clock)
        self.stores: dict[str, MemoryStore] = {}
        self.kuberay = KubeRay(self.api, self.clock, self.store_at)
        self.checks = Checks(self)
        self.notes: list[tuple[Key, Note]] = []
        self.refused: dict[str, bool] = {}
        """Kinds of stages whose RayJobs are not taken, and whether they never will be."""
        self.events: dict[str, list[Body]] = {}
        """What the kubelet and KubeRay tell of an object, by its uid."""
        self.missing: set[str] = set()
        """URIs where nothing is."""
        self.sources_away = False
        self.content = 0
        """Changes what stands behind every URI."""
        self.score = 0.7
        self.slow_seconds = 0.0
        self.reads = 0
        self.interrupts: list[tuple[int, Callable[[], None]]] = []
        self._interrupting = False
        self._holders = count()
        self.copies: list[OperatorCopy] = []

    @contextmanager
    def running(self, copies: int = 1) -> Iterator["Simulation"]:
        """The world with its clock and stores in the operator's modules."""
        token = SimpleNamespace(token_hex=lambda _: f"{next(self._holders):08x}")
        with ExitStack() as stack:
            stack.enter_context(self.clock.installed())
            stack.enter_context(patch.object(observe, "open_store", self.open_store))
            stack.enter_context(patch.object(planning, "open_store", self._base))
            stack.enter_context(patch.object(planning, "fingerprint", self._fingerprint))
            stack.enter_context(patch.object(planning, "first_rows", lambda uri, wanted: None))
            stack.enter_context(patch.object(apply, "secrets", token))
            for _ in range(copies):
                self.add_copy()
            yield self

    def configure(self, settings: Config) -> None:
        """The chart's settings change: every copy starts anew with them."""
        self.config = settings
        for copy in self.copies:
            copy.config = settings
            copy.start()

    def add_copy(self) -> None:
        self.copies.append(OperatorCopy(self, f"copy-{len(self.copies)}", self.config))
        self.checks.one_at_a_time = len(self.copies) == 1 and self.checks.one_at_a_time

    # Stores and sources.

    def store_at(self, uri: str) -> MemoryStore:
        return self.stores.setdefault(uri, MemoryStore(uri, self._store_read, self.clock.monotonic))

    def open_store(self, uri: str) -> MemoryStore:
        store = self.store_at(uri)
        store.get("open")
        return store

    def done(self) -> set[tuple[str, str]]:
        """(store, `<kind>/<digest>`) of every manifest there is."""
        suffix = "/manifest.json"
        return {
            (uri, key.removesuffix(suffix))
            for uri, store in self.stores.items()
            for key in store.everything()
            if key.endswith(suffix)
        }

    def _store_read(self) -> None:
        self.reads += 1
        if any(copy.busy for copy in self.copies) and not self._interrupting:
            self.clock.advance(self.slow_seconds)
            self.moment()

    def _base(self, uri: str) -> MemoryStore:
        store = MemoryStore(uri, lambda: None)
        store.put("config.json", BASE_CONFIG)
        store.refusing = self.sources_away
        return store

    def _fingerprint(self, uri: str, reads: str) -> Source:
        if self.sources_away:
            raise InfrastructureError("the endpoint does not answer", where=uri)
        if uri in self.missing:
            raise UserError("nothing is there", where=uri)
        return pin(uri, [("text.txt", 10_000_000, f"etag:{uri}{reads}{self.content}")], reads)

    # Between two calls of a pass anything may happen.

    def moment(self) -> None:
        if self._interrupting:
            return
        self.interrupts = [(left - 1, what) for left, what in self.interrupts]
        ready = [what for left, what in self.interrupts if left < 0]
        self.interrupts = [one for one in self.interrupts if one[0] >= 0]
        self._interrupting = True
        try:
            for what in ready:
                what()
        finally:
            self._interrupting = False

    # Users.

    def create(self, namespace: str, name: str, spec: Mapping[str, Any]) -> None:
        body = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"namespace": namespace, "name": name, "annotations": {}},
            "spec": dict(spec),
        }
        self.api.create(LA, body)

    def edit(self, key: Key, **fields: Any) -> None:
        self.api.update((LA, *key), lambda body: body.update(spec={**body["spec"], **fields}))

    def annotate(self, key: Key, annotation: str, value: str) -> None:
        def change(body: Body) -> None:
            notes = body["metadata"]["annotations"]
            body["metadata"]["annotations"] = {**notes, annotation: value}

        self.api.update((LA, *key), change)

    def remove(self, key: Key, *, foreground: bool = False) -> None:
        """Delete a resource; in the foreground it waits for what it owns."""
        if foreground:
            finalizers = ["foregroundDeletion"]
            self.api.update((LA, *key), lambda b: b["metadata"].update(finalizers=finalizers))
        self.api.delete((LA, *key))

    def resources(self) -> dict[Key, Body]:
        found = {
            (body["metadata"]["namespace"], body["metadata"]["name"]): body
            for body in self.api.all(LA)
            if not body["metadata"].get("deletionTimestamp")
        }
        return dict(sorted(found.items()))

    def status(self, key: Key) -> LanguageAdaptationStatus:
        return LanguageAdaptationStatus.model_validate(self.resources()[key].get("status") or {})

    # What befalls RayJobs.

    def rayjobs(self, stage: str = "") -> list[Body]:
        """Those there are, whose stage begins with some text."""
        return [body for body in self.kuberay.rayjobs() if stage_of(body).startswith(stage)]

    def working(self) -> list[Body]:
        """Those whose trainers are at work."""
        found = [(body, self.kuberay.trainer_of(body)) for body in self.rayjobs()]
        return [body for body, trainer in found if trainer is not None and trainer.alive]

    def finish(self, rayjob: Body, outcome: Outcome) -> None:
        trainer = self.kuberay.trainer_of(rayjob)
        if trainer is None or not trainer.alive:
            return
        self.kuberay.finish(rayjob, outcome, self.metrics(rayjob))
        if outcome in ("killed", "outside") or trainer.exit_code == 1:
            self.checks.blamed.add(stage_of(rayjob))
        if outcome in ("user", "infrastructure", "resource") and trainer.reported:
            self.checks.trainer_failed(rayjob, trainer.reported)

    def _blame(self, rayjob: Body) -> None:
        self.checks.blamed.add(stage_of(rayjob))

    def vanish(self, rayjob: Body) -> None:
        """Somebody deletes it by hand."""
        self._blame(rayjob)
        self.checks.excused.add(rayjob["metadata"]["uid"])
        with suppress(Conflict):
            self.api.delete(ref_of(RAYJOB, rayjob))

    def misreport(self, rayjob: Body, end: str) -> None:
        """KubeRay says that it is over, and its pods are still there."""
        self._blame(rayjob)
        job = "SUCCEEDED" if end == "Complete" else "FAILED"
        self.kuberay.mark(ref_of(RAYJOB, rayjob), end, job)

    def silence(self, rayjob: Body) -> None:
        """The trainer hangs."""
        self._blame(rayjob)
        self.kuberay.trainers[rayjob["metadata"]["uid"]].mute = True

    def cut_off(self, rayjob: Body) -> None:
        """Its node cannot be reached: the pod never goes, and its trainer goes on."""
        self._blame(rayjob)
        self.kuberay.lost.add(rayjob["metadata"]["uid"])

    def lose_node(self, rayjob: Body) -> None:
        """The pod never goes, and its trainer is never heard of again."""
        self.cut_off(rayjob)
        self.silence(rayjob)

    def trouble(self, rayjob: Body, status: dict[str, Any]) -> None:
        """Give its pod a status."""
        self._blame(rayjob)
        self.kuberay.set_pod(rayjob, status)

    def refuse(self, refusing: bool) -> None:
        """The store answers nobody, or everybody again; whoever runs may fail from it."""
        self.store_at(STORE).refusing = refusing
        self.checks.everybody_blamed |= refusing

    def lose_artifacts(self, kind: str) -> None:
        """Somebody cleans the store of all stages of a kind that are done."""
        for uri, ref in self.done():
            if ref.startswith(f"{kind}/"):
                self.checks.lost.add(ref)
                self.stores[uri].lose(f"{ref}/manifest.json")

    def start_local_run(self, rayjob: Body, holder: str) -> None:
        """The stage is run somewhere else too."""
        local = spec_of(rayjob).model_copy(update={"holder": holder, "superseded": ()})
        self.kuberay.trainers[holder] = Trainer(
            local, self.store_at(local.store), self.clock, self.kuberay.skew
        )
        self.kuberay.trainers[holder].start()

    def end_local_runs(self, outcome: Outcome) -> bool:
        """Runs on somebody's own machine end; whether there were any."""
        found = [t for name, t in self.kuberay.trainers.items() if name.startswith("laptop")]
        working = [trainer for trainer in found if trainer.alive]
        for trainer in working:
            trainer.finish(outcome, {})
        return bool(working)

    def metrics(self, rayjob: Body) -> dict[str, Any]:
        """What a graft says of the tasks."""
        return {"evaluation": self.evaluation()} if stage_of(rayjob).startswith("graft/") else {}

    def evaluation(self) -> list[dict[str, Any]]:
        """The scores, as they are now."""
        return [{"task": "xnli", "metrics": {"accuracy": {"mean": self.score, "stderr": 0.01}}}]

    # Time.

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
        return min((at for copy in self.copies for at in copy.queue.at.values()), default=None)

    def heal(self) -> None:
        """Nothing goes wrong any more."""
        self.interrupts.clear()
        self.refused.clear()
        self.missing.clear()
        self.kuberay.refused, self.kuberay.held = "", False
        if self.config != self.healthy:
            self.configure(self.healthy)
        self.slow_seconds, self.sources_away = 0.0, False
        for store in self.stores.values():
            store.refusing = False
        for copy in self.copies:
            copy.faults.clear()
            copy.list_again()
        for rayjob in self.kuberay.rayjobs():
            if rayjob["spec"].get("suspend"):
                self.suspend_rayjob(rayjob, False)
            if not self.kuberay.trouble_stays(rayjob):
                self.kuberay.set_pod(rayjob, {})

    def suspend_rayjob(self, rayjob: Body, value: bool) -> None:
        """What Kueue does."""
        metadata = rayjob["metadata"]
        ref = (RAYJOB, metadata["namespace"], metadata["name"])
        self.checks.admitted |= not value
        self.api.update(ref, lambda body: body["spec"].update(suspend=value))

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
            return self.status(key).phase in FINAL and is_finished(body) and is_obeyed(body)

        bodies = self.resources()
        queued = {key for copy in self.copies for key in copy.queue.at}
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
        stays = {"AccessDenied", "ArtifactsGone"}
        assert why <= stays if status.heals else not why & stays, said
        failed = [stage for stage in status.stages if stage.state == "Failed"]
        assert not failed or status.phase != "Ready", said
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

    def break_watch(self, copy: OperatorCopy, kind: str) -> None:
        assert kind in KINDS
        copy.watch.forget(kind)
        copy.watch.broken.add(kind)
