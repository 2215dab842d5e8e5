"""What keeps resources from going on is counted, by namespace and in one word."""

from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import generate_latest

from lingraft.status import LanguageAdaptationStatus
from lingraft_operator import metrics
from lingraft_operator.cluster import Conflict, Refused, Unavailable
from lingraft_operator.status.conditions import State, Summary
from lingraft_operator.status.summary import with_summary
from lingraft_operator.status.writer import StatusWriter
from lingraft_operator.watches.cache import Cache
from lingraft_operator.watches.troubles import troubles_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEY = ("team-a", "swahili")


def body(status: dict[str, Any]) -> dict[str, Any]:
    return {
        "metadata": {
            "namespace": KEY[0],
            "name": KEY[1],
            "uid": "u",
            "generation": 1,
            "resourceVersion": "1",
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {},
        "status": status,
    }


def cache_of(status: dict[str, Any] | None = None) -> Cache:
    cache = Cache()
    cache.put_resource(body(status or {}))
    return cache


@pytest.mark.parametrize(
    ("state", "reason", "heals", "trouble"),
    [
        ("Stalled", "InvalidSpec", False, ("WaitsForEdit",)),
        ("Stalled", "AccessDenied", True, ("WaitsForOthers",)),
        ("Stalled", "SetAside", False, ("SetAside",)),
        ("Stalled", "BudgetExceeded", False, ("BudgetExceeded",)),
        ("Reconciling", "StoreUnavailable", False, ("StoreUnavailable",)),
        ("Reconciling", "Running", False, ()),
        ("Ready", "Adapted", False, ()),
        ("Suspended", "Suspended", False, ()),
    ],
)  # fmt: skip
def test_a_status_says_what_is_wrong(
    state: State, reason: str, heals: bool, trouble: tuple[str, ...]
) -> None:
    resource = cache_of().resource(KEY)
    assert resource is not None
    summary = Summary(state, reason, "why", heals)
    status = with_summary(resource, LanguageAdaptationStatus(), summary, NOW)
    assert troubles_of(status.to_json()) == trouble
    assert cache_of(status.to_json()).troubles() == {(KEY[0], one): 1 for one in trouble}


def test_what_is_ready_and_not_refreshed_is_in_trouble_too() -> None:
    ready = {"type": "Ready", "status": "True", "reason": "Adapted"}
    refreshed = {"type": "Refreshed", "status": "False", "reason": "InputUnavailable"}
    assert troubles_of({"conditions": [ready, refreshed]}) == ("RefreshFails",)
    away = refreshed | {"reason": "StoreUnavailable", "status": "Unknown"}
    assert troubles_of({"conditions": [ready, away]}) == ("StoreUnavailable",)


class Answers:
    """An API server that takes a status, or does not."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    def write_status(self, resource: Any, status: dict[str, Any]) -> dict[str, Any]:
        if self.error is not None:
            raise self.error
        written = body(status)
        written["metadata"]["resourceVersion"] = str(int(resource.resource_version) + 1)
        return written


@pytest.mark.parametrize("error", [Refused("no", invalid=True), Unavailable("away")])
def test_a_status_that_is_not_taken_is_in_trouble_until_it_is(error: Exception) -> None:
    cache, api = cache_of(), Answers()
    writer = StatusWriter(cache, api, lambda *_: None)  # pyright: ignore[reportArgumentType]
    resource = cache.resource(KEY)
    assert resource is not None
    wanted = LanguageAdaptationStatus(phase="Pending", observed_generation=1)
    api.error = error
    with pytest.raises(type(error)):
        writer.write(resource, wanted)
    assert cache.troubles() == {(KEY[0], "StatusNotWritten"): 1}
    api.error = Conflict("changed")  # looked at again at once: no trouble, and no proof of any end
    with pytest.raises(Conflict):
        writer.write(resource, wanted)
    assert cache.troubles() == {(KEY[0], "StatusNotWritten"): 1}
    api.error = None
    writer.write(resource, wanted)
    assert not cache.troubles()


def test_a_resource_that_goes_takes_its_trouble_along() -> None:
    cache = cache_of({"conditions": [{"type": "Stalled", "status": "True", "reason": "SetAside"}]})
    cache.note_written(KEY, written=False)
    assert sum(cache.troubles().values()) == 2
    cache.drop_resource(KEY, "u")
    assert not cache.troubles()


def test_namespaces_beyond_the_first_ones_are_added_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_namespaces", {"first"})
    monkeypatch.setattr(metrics, "MOST_NAMESPACES", 1)
    counts = {("first", "SetAside"): 1, ("b", "SetAside"): 2, ("c", "SetAside"): 3}
    monkeypatch.setattr(metrics.troubles, "ask", lambda: counts)
    said = generate_latest().decode()
    for namespace, count in (("first", 1.0), ("_others", 5.0)):
        labels = f'namespace="{namespace}",trouble="SetAside"'
        assert f"lingraft_resources_in_trouble{{{labels}}} {count}\n" in said
