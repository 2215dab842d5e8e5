"""Who tends a namespace, where Leases cannot be had, or others are faster."""

from copy import deepcopy
from typing import Any, cast

import pytest

from lingraft_operator.cluster import Cluster, Conflict, Refused, Unavailable
from lingraft_operator.watches.claims import GONE_SECONDS, Claims

US, THEM = "system/us", "system/them"


class Leases:
    """One Lease, and what goes wrong with the next calls."""

    def __init__(self) -> None:
        self.body: dict[str, Any] | None = None
        self.faults: list[Exception | None] = []
        self.now = 0.0

    def _fault(self) -> None:
        if self.faults and (fault := self.faults.pop(0)) is not None:
            raise fault

    def lease(self, namespace: str) -> dict[str, Any] | None:
        self._fault()
        return deepcopy(self.body)

    def put_lease(self, namespace: str, body: dict[str, Any]) -> dict[str, Any]:
        self._fault()
        version = int(body["metadata"].get("resourceVersion", 0)) + 1
        self.body = deepcopy(body)
        self.body["metadata"]["resourceVersion"] = str(version)
        return deepcopy(self.body)

    def of(self, release: str) -> Claims:
        return Claims(cast(Cluster, self), release, lambda: self.now)


@pytest.fixture
def leases() -> Leases:
    return Leases()


def test_without_the_right_to_leases_an_operator_works_as_if_it_were_alone(leases: Leases) -> None:
    leases.faults = [Refused("leases are forbidden", invalid=False)]
    assert leases.of(US).owner("a") == US


def test_an_api_server_that_is_away_makes_nobody_an_owner(leases: Leases) -> None:
    leases.faults = [Unavailable("503")]
    with pytest.raises(Unavailable):
        leases.of(US).owner("a")


def test_whoever_is_slower_finds_whose_it_is(leases: Leases) -> None:
    us, them = leases.of(US), leases.of(THEM)
    assert them.owner("a") == THEM
    found, leases.body = leases.body, None
    original = leases.lease

    def late(namespace: str) -> dict[str, Any] | None:
        leases.lease, leases.body = original, found  # type: ignore[method-assign]
        leases.faults = [Conflict("already exists")]
        return None

    leases.lease = late  # type: ignore[method-assign]
    assert us.owner("a") == THEM


def test_a_claim_that_could_not_be_renewed_is_looked_at_before_it_is_used(leases: Leases) -> None:
    us, them = leases.of(US), leases.of(THEM)
    assert (us.owner("a"), them.owner("a")) == (US, US)
    leases.now += GONE_SECONDS + 1
    assert them.renew(["a"]) == ["a"]
    assert us.owner("a") == THEM, "its process stood still meanwhile"
    leases.now += 30
    assert (us.owner("a"), them.owner("a")) == (THEM, THEM)


def test_a_lease_of_nobody_is_free_at_once(leases: Leases) -> None:
    leases.body = {"metadata": {"name": "lingraft", "resourceVersion": "7"}, "spec": {}}
    assert leases.of(US).owner("a") == US
    assert leases.body["spec"]["holderIdentity"] == US
    assert leases.body["spec"]["leaseTransitions"] == 1


def test_a_clock_that_is_wrong_takes_nothing_over(leases: Leases) -> None:
    """The times that stand in a Lease are for people."""
    us, them = leases.of(US), leases.of(THEM)
    us.owner("a")
    assert leases.body is not None
    for _ in range(20):
        leases.now += 60
        us.renew(["a"])
        leases.body["spec"]["renewTime"] = "1999-01-01T00:00:00.000000Z"
        assert them.renew(["a"]) == []
    assert them.owner("a") == US


def test_namespaces_that_come_and_go_are_forgotten(leases: Leases) -> None:
    us = leases.of(US)
    for n in range(100):  # one for each branch of somebody's tests
        leases.body = None
        us.owner(f"branch-{n}")
        leases.now += 60
        us.renew(["stays"])
    assert "stays" in us._claims and len(us._claims) < 10
    assert us.owner("branch-0") == US
