"""A day in the life of a shared cluster: two teams, one quota; nothing lost, nobody in."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lingraft.store import open_store
from tests.cluster.bed.adaptations import (
    SECRET,
    Adaptations,
    conditions_of,
    upload_world,
    write_secret,
)
from tests.cluster.bed.api import Object
from tests.cluster.bed.bed import Bed
from tests.cluster.bed.operator import POOL, Operator
from tests.cluster.bed.paths import pod_path
from tests.cluster.bed.processes import wait_until
from tests.cluster.test_operator import launches
from tests.integration.seaweed import Seaweed

TEMPLATE = {
    "metadata": {"annotations": {"karpenter.sh/do-not-disrupt": "true"}},
    "spec": {"containers": [{"name": "ray-head", "env": [{"name": "TEAM", "value": "any"}]}]},
}
EXPIRED = {"AWS_ACCESS_KEY_ID": "expired", "AWS_SECRET_ACCESS_KEY": "expired"}


class Day:
    """Two teams, and what is looked at.

    Attributes:
        alpha, beta: Their resources.
    """

    def __init__(self, bed: Bed, alpha: Adaptations, beta: Adaptations) -> None:
        self.bed, self.alpha, self.beta = bed, alpha, beta

    def create(self, team: Adaptations, name: str, **spec: Any) -> None:
        """One without a store of its own: it is the chart's, of the namespace."""
        fields: dict[str, Any] = {"tasks": []} | spec
        body = team.body(name, **fields)
        if "store" not in spec:
            del body["spec"]["store"]
        team.api.create(team.path(), body)

    def reason(self, team: Adaptations, name: str, condition: str) -> str:
        return conditions_of(team.get(name)).get(condition, {}).get("reason", "")

    def until(self, team: Adaptations, name: str, condition: str, reason: str) -> Object:
        """Wait for a condition's reason; the resource then."""
        what = f"{name} is {condition}: {reason}"
        wait_until(lambda: self.reason(team, name, condition) == reason, what, seconds=120)
        return team.get(name)

    def preempt(self, team: Adaptations, rayjob: str) -> Object:
        """The spot node of a stage's pod is taken away; the pod."""
        (head,) = self.bed.pods(team.namespace, rayjob, head=True)
        told = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "DeletionByTaintManager",
            "message": "the spot node goes",
        }
        kept = [one for one in head["status"]["conditions"] if one["type"] != told["type"]]
        self.bed.api.merge(pod_path(head, "/status"), {"status": {"conditions": [*kept, told]}})
        return self.bed.delete_head(team.namespace, rayjob)


def checkpoints(team: Adaptations, stage: Object) -> Iterator[str]:
    """Keys of a stage's complete checkpoints."""
    for one in open_store(team.store).list(f"{stage['kind']}/{stage['digest']}/"):
        if one.key.endswith("/checkpoint.json"):
            yield one.key


@pytest.fixture
def day(bed: Bed, s3: Seaweed, control_plane: Any, tmp_path: Path) -> Iterator[Day]:
    """Two namespaces with keys of their own; those of beta are expired."""
    texts, teams = upload_world(tmp_path, f"{s3.uri}texts/"), list[Adaptations]()
    for name, keys in (("alpha", s3.environment), ("beta", EXPIRED)):
        namespace = control_plane.namespace(f"day-{name}-{int(time.time())}")
        write_secret(bed.api, namespace, keys)
        teams.append(Adaptations(bed.api, namespace, texts, f"{s3.uri}stores/{namespace}/"))
    yield Day(bed, *teams)
    for team in teams:
        team.delete_all()
        bed.api.delete(f"/api/v1/namespaces/{team.namespace}")


@pytest.mark.timeout(400)
def test_a_day(
    day: Day,
    operator_with: Callable[..., Operator],
    bed: Bed,
    s3: Seaweed,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Operator, "host", "::1")  # the cluster has IPv6 only
    alpha, beta = day.alpha, day.beta
    own = [alpha.texts, f"{s3.uri}stores/{{namespace}}/"]
    small: Object = POOL | {
        "nodeSelector": {"pool": "small"},  # the spot nodes
        "overridable": ["workers"],
        "podTemplate": TEMPLATE,
    }
    values: Object = {
        "access": [{"namespace": one.namespace, "prefixes": own} for one in (alpha, beta)],
        "store": {"uri": own[1], "credentialsSecret": SECRET},
        "pools": {"small": small, "large": POOL | {"nodeSelector": {"pool": "large"}}},
    }
    operator = operator_with(**values)

    # Morning. Beta's quota has no room for pods yet, and both teams start.
    quota = f"/api/v1/namespaces/{beta.namespace}/resourcequotas"
    bed.api.create(quota, {"metadata": {"name": "team"}, "spec": {"hard": {"pods": "0"}}})
    wait_until(
        lambda: "hard" in bed.api.get(f"{quota}/team").get("status", {}), "the quota is in force"
    )
    bed.behaviours.set("embed", seconds=20)
    corpus = {"uri": alpha.upload_corpus()}
    day.create(alpha, "french", corpus=corpus, refresh={"schedule": "* * * * *"})
    day.create(beta, "french")
    # Nobody gets in where he should not, nor beyond what the admin leaves to him.
    day.create(beta, "thief", store={"uri": alpha.store, "credentialsSecret": SECRET})
    day.create(beta, "greedy", pools={"small": {"memory": "500Gi"}})
    day.until(beta, "thief", "Stalled", "AccessDenied")
    assert "spec.pools.small.memory" in str(day.until(beta, "greedy", "Stalled", "NotAllowed"))
    trouble = f'namespace="{beta.namespace}",trouble="WaitsForOthers"'
    told = f"lingraft_resources_in_trouble{{{trouble}}}"
    wait_until(lambda: operator.metrics().get(told) == 2, "alerts see both")
    refused = day.until(beta, "french", "Reconciling", "PodsRefused")
    assert "exceeded quota" in conditions_of(refused)["Reconciling"]["message"]

    # The spot node goes in the middle of alpha's training, which goes on from its checkpoint.
    embed = alpha.wait_for_stage("french", "embed")
    wait_until(lambda: any(checkpoints(alpha, embed)), "there is a checkpoint")
    head = day.preempt(alpha, embed["rayJob"])
    assert head["metadata"]["annotations"]["karpenter.sh/do-not-disrupt"] == "true"
    assert {"name": "TEAM", "value": "any"} in head["spec"]["containers"][0]["env"]

    # The quota is raised: beta's keys turn out to be expired. Somebody must renew them.
    bed.api.merge(f"{quota}/team", {"spec": {"hard": {"pods": "9"}}})
    expired = day.until(beta, "french", "Stalled", "CredentialsRefused")
    assert expired["status"]["heals"]

    # Noon: a bad upgrade. What runs goes on, and nothing new starts.
    operator.stop()
    bad = operator_with(**values | {"access": []})
    day.until(beta, "french", "Stalled", "AccessDenied")
    bed.api.delete(f"/api/v1/namespaces/{beta.namespace}/secrets/{SECRET}")
    write_secret(bed.api, beta.namespace, s3.environment)
    bad.stop()
    bed.behaviours.set("embed", seconds=30)
    operator_with(**values)

    # Afternoon: beta goes on by itself, until a budget is used up, and again when it is raised.
    ready = alpha.wait("french", seconds=120)["status"]
    beta.edit("french", budget={"deviceHours": 0.003})
    stopped = day.until(beta, "french", "Stalled", "BudgetExceeded")
    assert stopped["status"]["budget"]["left"] == {"deviceHours": 0}
    bed.behaviours.clear()
    beta.edit("french", budget={"deviceHours": 10})
    done = beta.wait("french")["status"]

    # Evening: alpha's corpus grows, and is followed on schedule.
    alpha.upload_corpus("Une phrase de plus.\n")
    wait_until(
        lambda: alpha.get("french")["status"]["artifacts"] != ready["artifacts"],
        "the corpus was followed",
        seconds=120,
    )
    last = alpha.wait("french")["status"]

    # Nothing was lost: each stage was done once, beside what the day took away.
    reasons = [[one["reason"] for one in s["attempts"]] for s in ready["stages"]]
    assert [one[-1] for one in reasons] == ["Succeeded"] * len(reasons)
    ran = launches(bed, alpha.namespace)
    assert ran["corpus"] == ran["graft"] == 2 and ran["embed"] <= 3, ran
    assert last["refresh"]["lastSuccessfulTime"]
    # Nobody was in: each has what is its own, and nothing came of the other two.
    for team, status in ((alpha, last), (beta, done)):
        assert all(uri.startswith(team.store) for uri in status["artifacts"].values() if uri)
    assert not any(beta.get(one)["status"].get("artifacts") for one in ("thief", "greedy"))
