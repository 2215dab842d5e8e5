"""What the cache remembers of pods: since when, and what they said before they went."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from lingraft_operator.names import HOLDER
from lingraft_operator.watches.cache import Cache
from tests.support.operator.clock import START, Clock

KEY = ("n", "h")
SKEWS = [timedelta(minutes=-6), timedelta(), timedelta(minutes=6)]
LOST = {"conditions": [{"type": "DisruptionTarget", "status": "True", "message": "gone"}]}


@pytest.fixture
def clock() -> Iterator[Clock]:
    made = Clock()
    with made.installed():
        yield made


def pod(
    uid: str, status: dict[str, Any] | None = None, created: timedelta = timedelta()
) -> dict[str, Any]:
    labels = {HOLDER: "h", "ray.io/node-type": "head", "ray.io/cluster": "c"}
    metadata = {"name": f"pod-{uid}", "namespace": "n", "uid": uid, "labels": labels}
    metadata["creationTimestamp"] = (START + created).isoformat()
    return {"metadata": metadata, "status": status or {}}


def unready(since: timedelta) -> dict[str, Any]:
    """Seen by a node whose clock says so."""
    at = (START + since).isoformat()
    return {
        "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": at}],
        "containerStatuses": [
            {"name": "ray-head", "state": {"waiting": {"reason": "ImagePullBackOff"}}}
        ],
    }


@pytest.mark.parametrize("skew", SKEWS)
def test_a_trouble_begins_when_we_saw_it_whatever_other_clocks_say(
    clock: Clock, skew: timedelta
) -> None:
    cache = Cache()
    cache.put_pod(pod("1", unready(skew)))
    clock.advance(100)
    cache.put_pod(pod("1", unready(skew)))
    found = cache.trouble(KEY)
    assert found is not None and (found.kind, found.since) == ("unready", START)


@pytest.mark.parametrize("skew", SKEWS)
def test_two_heads_are_a_trouble_since_we_saw_both(clock: Clock, skew: timedelta) -> None:
    cache = Cache()
    cache.put_pod(pod("1", created=skew))
    clock.advance(10)
    assert cache.put_pod(pod("2", created=skew + timedelta(seconds=1)))
    seen = clock.now
    clock.advance(10)
    assert not cache.put_pod(pod("2", created=skew + timedelta(seconds=1)))
    found = cache.trouble(KEY)
    assert found is not None and (found.kind, found.since) == ("doubled", seen)
    cache.drop_pod(pod("1"))
    assert cache.trouble(KEY) is None


def test_a_former_disruption_hides_nothing(clock: Clock) -> None:
    cache = Cache()
    cache.put_pod(pod("1", LOST))
    cache.drop_pod(pod("1"))
    clock.advance(3600)
    cache.put_pod(pod("2", unready(timedelta())))
    found, former = cache.trouble(KEY), cache.disruption(KEY)
    assert found is not None and found.kind == "unready"
    assert former is not None and former.since == START


def test_what_ended_a_pod_is_known_after_it_went(clock: Clock) -> None:
    killed = {"name": "ray-head", "state": {"terminated": {"reason": "OOMKilled"}}}
    cache = Cache()
    cache.put_pod(pod("1", {"containerStatuses": [killed]}))
    cache.drop_pod(pod("1"))
    found = cache.trouble(KEY)
    assert found is not None and found.reason == "OOMKilled"
