"""What must hold at every write of the operator, whatever happens around it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lingraft.errors import FailureClass
from lingraft.places import in_namespace
from lingraft.pools import POOL_OF, PoolName
from lingraft.resource import LanguageAdaptationSpec
from lingraft.status import LanguageAdaptationStatus, Spent
from lingraft.status.reading import read_status
from lingraft_operator import names
from lingraft_operator.planning.access import AccessDeniedError, check_access
from lingraft_operator.planning.spec import placed
from lingraft_operator.status.summary import unfinished
from lingraft_operator.watches.objects import rayjob_of
from tests.support.operator.api_server import LA, RAYJOB, Body
from tests.support.operator.kuberay import FINISHED, spec_of

if TYPE_CHECKING:
    from tests.support.operator.copy import OperatorCopy
    from tests.support.operator.surroundings import Surroundings

Wish = tuple[str, int, str]
"""A resource's uid, generation and retry annotation: one round of attempts."""


def wish_of(body: Body) -> Wish:
    metadata = body["metadata"]
    retry = (metadata.get("annotations") or {}).get(names.RETRY, "")
    return metadata["uid"], metadata["generation"], retry


def owners_of(rayjob: Body) -> list[str]:
    return [owner["uid"] for owner in rayjob["metadata"].get("ownerReferences") or []]


def stage_of(rayjob: Body) -> str:
    return rayjob["metadata"]["annotations"][names.STAGE]


def is_live(rayjob: Body) -> bool:
    state = (rayjob.get("status") or {}).get("jobDeploymentStatus", "")
    return state not in FINISHED and not rayjob["metadata"].get("deletionTimestamp")


class Checks:
    """Remembers what has happened, and asserts."""

    def __init__(self, simulation: "Surroundings") -> None:
        self.simulation = simulation
        self.blamed: set[str] = set()
        """Stages for which something went wrong: the others have no excuse to fail."""
        self.everybody_blamed = False
        """Whether the store was ever away."""
        self.failed: Counter[tuple[Wish, str]] = Counter()
        """Failures that the trainer reported, by who wanted it then."""
        self.lost: set[str] = set()
        """`<kind>/<digest>` of what was done, and cleaned from the store."""
        self.user_errors: set[tuple[Wish, str]] = set()
        self.spent: dict[str, Spent] = {}
        """By a resource's uid: what its status said last."""
        self.excused: set[str] = set()
        """UIDs of RayJobs that went before anybody may have seen how they ended."""
        self.one_at_a_time = True
        """Whether what a copy knows of live RayJobs is all there is to know."""
        self.admitted = False
        """Whether Kueue ever let one go on that it had held back."""

    def forget(self) -> None:
        """What statuses said, and which attempts there were: etcd was restored."""
        self.spent.clear()
        self.failed.clear()
        self.user_errors.clear()
        self.excused |= self.simulation.api.uids(RAYJOB)
        self.everybody_blamed, self.one_at_a_time = True, False

    # Writes.

    def launch(self, copy: "OperatorCopy", rayjob: Body) -> None:
        spec = spec_of(rayjob)
        place = (spec.store, spec.stage.ref)
        assert place not in copy.done_before, f"{spec.stage.ref} is launched though it is done"
        done = {ref for uri, ref in self.simulation.done() if uri == spec.store}
        inputs = [ref for ref in spec.stage.inputs.values() if not ref.startswith("source/")]
        assert done.issuperset(inputs), f"{spec.stage.ref} is launched before its inputs"
        for body in self.simulation.api.all(LA):
            wish = wish_of(body)
            if wish[0] not in owners_of(rayjob) or wish[1] != copy.seen_generation:
                continue
            assert self._allowed(copy, body), f"{spec.stage.ref} is launched without a right"
            most = body["spec"].get("retry", {}).get("maxAttempts", 3)
            place = (wish, rayjob["metadata"]["name"])
            assert place not in self.user_errors, f"{spec.stage.ref}: retry of a user error"
            assert self.failed[place] < most, f"{spec.stage.ref}: more than {most} attempts"
            assert not self._is_used_up(body), f"{spec.stage.ref} is launched over the budget"
        self._slots(copy)

    def _is_used_up(self, body: Body) -> bool:
        """Whether the status says of this generation that nothing is left to spend."""
        status = read_status(body.get("status") or {})
        if status.observed_generation != body["metadata"]["generation"] or status.budget is None:
            return False
        left = status.budget.left
        return self.one_at_a_time and left is not None and 0.0 in (left.flops, left.device_hours)

    def _spending(self, body: Body, status: LanguageAdaptationStatus) -> None:
        """Nothing that was spent is ever forgotten."""
        uid, now = body["metadata"]["uid"], status.budget.spent if status.budget else Spent()
        then = self.spent.get(uid, Spent())
        assert now.flops >= then.flops and now.device_hours >= then.device_hours
        self.spent[uid] = now

    def _slots(self, copy: "OperatorCopy") -> None:
        live: Counter[PoolName] = Counter(
            POOL_OF[spec_of(body).stage.kind]
            for body in self.simulation.api.all(RAYJOB)
            if is_live(body) and not rayjob_of(body).held_back
        )
        for pool, count in live.items():
            most = copy.config.pools[pool].max_concurrent_stages
            # Kueue admits by its own quota: what it held back may come on top.
            bound = most if self.one_at_a_time and not self.admitted else None
            assert bound is None or count <= bound, "too many at once"

    def owners(
        self, copy: "OperatorCopy", rayjob: Body, after: Sequence[Mapping[str, Any]]
    ) -> None:
        """A resource adds or removes itself, and nobody else."""
        changed = set(owners_of(rayjob)) ^ {owner["uid"] for owner in after}
        assert len(changed) <= 1, f"owners that nobody spoke for were changed: {changed}"
        assert after, "a RayJob is left without owners"
        keys = {owner["uid"]: owner["name"] for owner in [*after, *_references(rayjob)]}
        assert all(copy.working_on and keys[uid] == copy.working_on[1] for uid in changed)

    def delete(self, copy: "OperatorCopy", rayjob: Body) -> None:
        """What others want is deleted only when something is wrong with it."""
        alive = self.simulation.api.uids(LA)
        me = self.simulation.api.find(LA, *copy.working_on) if copy.working_on else None
        mine = me["metadata"]["uid"] if me else ""
        others = (set(owners_of(rayjob)) & alive) - {mine}
        blamed = self.everybody_blamed or stage_of(rayjob) in self.blamed
        if others and is_live(rayjob):
            assert blamed, "a healthy RayJob is taken from its other owner"
        if me is None or blamed or not is_live(rayjob) or me["spec"].get("suspend"):
            return
        status = read_status(me.get("status") or {})
        if status.plan is None or status.plan.generation != me["metadata"]["generation"]:
            return
        planned = {one.stage.ref for one in status.plan.plan.stages}
        done = {ref for _, ref in self.simulation.done()}
        if stage_of(rayjob) in planned - done:
            assert self._allowed(copy, me), "a bad upgrade ends what runs"

    def _allowed(self, copy: "OperatorCopy", body: Body) -> bool:
        """Whether the chart of a copy lets a resource name what it names."""
        spec = LanguageAdaptationSpec.model_validate(body["spec"])
        store, namespace = spec.store or copy.config.store, body["metadata"]["namespace"]
        if store is not None:
            store = store.model_copy(update={"uri": in_namespace(store.uri, namespace)})
        spec = spec.model_copy(update={"store": store})
        try:
            check_access(placed(spec), copy.config.access, namespace)
        except AccessDeniedError:
            return False
        return True

    def status(self, body: Body, status: Mapping[str, Any]) -> None:
        generation = body["metadata"]["generation"]
        parsed = LanguageAdaptationStatus.model_validate(status)
        assert parsed.to_json() == status, "what is written is not what is read"
        assert parsed.observed_generation == generation
        assert all(c.observed_generation == generation for c in parsed.conditions)
        _kstatus(parsed)
        self._spending(body, parsed)
        most = body["spec"].get("retry", {}).get("maxAttempts", 3)
        for stage in parsed.stages:
            counted = [a for a in stage.attempts if a.counted and a.ended_at and a.failure_class]
            assert len(counted) <= most, f"{stage.name}: {len(counted)} attempts of {most}"
            assert all(a.ended_at for a in stage.attempts[:-1]), f"{stage.name}: two at once"
            for attempt in stage.attempts:
                assert attempt.reason != "HeartbeatLost" or self._was_silent(attempt.uid), (
                    f"{stage.name}: a trainer that was heard of is given up"
                )
            uids = [attempt.uid for attempt in stage.attempts]
            assert len(set(uids)) == len(uids), f"{stage.name}: one RayJob, two attempts"
        unreadable = parsed.plan is not None and parsed.plan.readable is None
        if parsed.phase == "Ready" and not unreadable:
            assert parsed.plan is not None and parsed.plan.generation == generation
            done = {ref for _, ref in self.simulation.done()} | self.lost
            planned = [one.stage.ref for one in parsed.plan.plan.stages]
            kept = unfinished(parsed) or "Refreshed" in {c.type for c in parsed.conditions}
            assert done.issuperset(parsed.last_ready if kept else planned)

    def _was_silent(self, uid: str) -> bool:
        """Whether a trainer is stuck or over, or could not write."""
        trainer = self.simulation.kuberay.trainers.get(uid)
        return self.everybody_blamed or trainer is None or trainer.mute or not trainer.alive

    # What befalls stages.

    def trainer_failed(self, rayjob: Body, failure_class: FailureClass) -> None:
        self.blamed.add(stage_of(rayjob))
        for body in self.simulation.api.all(LA):
            if body["metadata"]["uid"] in owners_of(rayjob):
                place = (wish_of(body), rayjob["metadata"]["name"])
                self.failed[place] += 1
                if failure_class == "user":
                    self.user_errors.add(place)


def _references(rayjob: Body) -> list[dict[str, Any]]:
    return rayjob["metadata"].get("ownerReferences") or []


def _kstatus(status: LanguageAdaptationStatus) -> None:
    held = {condition.type: condition for condition in status.conditions}
    assert len(held) == len(status.conditions), "a condition stands there twice"
    assert "Ready" in held
    abnormal = [t for t in ("Reconciling", "Stalled") if t in held]
    assert len(abnormal) <= 1
    assert all(held[t].status == "True" for t in ("Reconciling", "Stalled") if t in held)
    assert (held["Ready"].status == "True") == (status.phase == "Ready")
    assert ("Stalled" in held) == (status.phase == "Stalled")
    assert status.phase == "Stalled" or not status.heals
    assert ("Reconciling" in held) == (status.phase in ("Pending", "Running"))
