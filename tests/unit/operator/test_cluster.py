"""What the API server's answers mean, and that none of them makes a storm."""

import json
from typing import Any, cast
from unittest.mock import patch

import pytest
from kubernetes.client import ApiClient, ApiException

from lingraft_operator.cluster import Cluster, Conflict, Missing, Refused, Unavailable
from tests.support.operator.fake_cluster import FakeCluster
from tests.support.operator.histories import ONE, phases, world
from tests.support.operator.specs import SHAPES


class Api:
    """Answers every call in one way."""

    def __init__(self, status: int) -> None:
        self.error = ApiException(status=status, reason="Why")
        self.error.body = json.dumps({"message": "in its words"})  # type: ignore[assignment]

    def call_api(self, *_: Any, **__: Any) -> Any:
        raise self.error


BODY = {"metadata": {"namespace": "a", "name": "x"}}


@pytest.mark.parametrize(
    ("status", "made", "read"),
    [
        (404, Missing, Conflict),
        (409, Conflict, Conflict),
        *((code, Refused, Refused) for code in (400, 403, 422)),
        *((code, Unavailable, Unavailable) for code in (401, 408, 410, 413, 429, 500, 503, 504)),
    ],
)
def test_an_answer_means_what_is_to_be_done(
    status: int, made: type[Exception], read: type[Exception]
) -> None:
    cluster = Cluster(cast(ApiClient, Api(status)))
    with pytest.raises(made, match="in its words"):
        cluster.create_rayjob(BODY)
    with pytest.raises(read, match="in its words"):
        list(cluster.list_all(("", "v1", "pods"), ()))


def test_rayjobs_whose_kind_is_gone_are_asked_for_ever_more_rarely() -> None:
    asked: list[Any] = []

    def gone(self: FakeCluster, body: Any) -> Any:
        asked.append(body)
        raise Missing("404 the server could not find the requested resource")

    with world() as sim:
        with patch.object(FakeCluster, "create_rayjob", gone):  # KubeRay is installed anew
            sim.create(*ONE, SHAPES["plain"])
            sim.run_for(600)
            assert 5 < len(asked) < 30
            (said,) = (c for c in sim.status(ONE).conditions if c.type == "Reconciling")
            assert said.reason == "ApiServerUnavailable" and "could not find" in said.message
        sim.run_for(100)
        sim.come_to_rest()
        assert phases(sim) == ["Ready"]
