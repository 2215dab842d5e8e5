"""Events are posted in order, and nobody waits for them."""

import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from lingraft.status import LanguageAdaptationStatus
from lingraft_operator.cluster import Cluster, Unavailable
from lingraft_operator.status import recorder
from lingraft_operator.status.events import Note
from lingraft_operator.status.recorder import Recorder
from lingraft_operator.world import Resource

PATIENCE = 20.0
RESOURCE = Resource(
    "models", "swahili", "uid-1", 3, "7", datetime(2026, 1, 1, tzinfo=UTC), {},
    LanguageAdaptationStatus(),
)  # fmt: skip


class SlowCluster:
    """Takes Events once the gate is open; refuses the first."""

    def __init__(self) -> None:
        self.gate, self.posted = threading.Event(), list[Mapping[str, Any]]()
        self.refuse = False

    def record(self, event: Mapping[str, Any]) -> None:
        assert self.gate.wait(PATIENCE)
        if self.refuse:
            self.refuse = False
            raise Unavailable("503")
        self.posted.append(event)


def note(reason: str) -> Note:
    return Note("Normal", reason, "words", "Reconcile")


def started() -> tuple[SlowCluster, Recorder]:
    cluster = SlowCluster()
    made = Recorder(cast(Cluster, cluster))
    made.start()
    return cluster, made


def test_what_was_told_is_posted_in_order_before_the_end() -> None:
    cluster, made = started()
    reasons = [f"Reason{number}" for number in range(20)]
    for reason in reasons:  # nobody waits: the gate is closed
        made.tell(RESOURCE, note(reason))
    cluster.gate.set()
    made.stop(PATIENCE)
    assert [one["reason"] for one in cluster.posted] == reasons
    times = [one["eventTime"] for one in cluster.posted]
    assert times == sorted(times)
    assert len({one["metadata"]["name"] for one in cluster.posted}) == 20
    assert cluster.posted[0]["regarding"]["uid"] == "uid-1"


def test_one_that_is_refused_ends_nothing() -> None:
    cluster, made = started()
    cluster.refuse = True
    made.tell(RESOURCE, note("Lost"))
    made.tell(RESOURCE, note("Kept"))
    cluster.gate.set()
    made.stop(PATIENCE)
    assert [one["reason"] for one in cluster.posted] == ["Kept"]


def test_too_many_are_dropped(monkeypatch: Any) -> None:
    monkeypatch.setattr(recorder, "MOST_WAITING", 2)
    cluster, made = started()
    for number in range(10):
        made.tell(RESOURCE, note(f"Reason{number}"))
    cluster.gate.set()
    made.stop(PATIENCE)
    assert 2 <= len(cluster.posted) <= 3
