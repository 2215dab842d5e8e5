"""Pods that never start, in the words of who says why."""

from datetime import timedelta
from typing import Any

from lingraft_operator.observation.stuck import trouble_of_events
from tests.support.operator.histories import ONE, phases, stalled, world
from tests.support.operator.settings import config
from tests.support.operator.simulation import Simulation
from tests.support.operator.specs import POD_STATES, SHAPES


def event(sim: Simulation, version: int, kind: str, reason: str, note: str) -> dict[str, Any]:
    at = {"resourceVersion": str(version)}  # of a server whose clock is slow
    at["creationTimestamp"] = (sim.clock.now - timedelta(minutes=10)).isoformat()
    about = {"kind": "Pod", "name": "head"}
    return {"metadata": at, "type": kind, "reason": reason, "note": note, "regarding": about}


def test_a_sidecar_without_an_image_says_nothing_of_the_trainers() -> None:
    with world() as sim:
        sim.kuberay.held = True
        sim.create(*ONE, SHAPES["plain"])
        sim.run_for(5)
        sim.trouble(sim.rayjobs("corpus")[0], POD_STATES["has a sidecar without an image"])
        sim.run_for(310)
        stalled(sim, "SidecarImagePullBackOff")
        sim.configure(config(trainerImage="lingraft/trainer:2"))
        sim.run_for(5)
        plan = sim.status(ONE).plan
        assert plan is not None and plan.trainer_image == "lingraft/trainer:1"
        sim.kuberay.held = False


def test_a_quota_that_stays_full_is_told_in_its_own_words_and_costs_no_attempt() -> None:
    words = "pods is forbidden: exceeded quota: team-a, used: limits.cpu=8"
    with world() as sim:
        sim.kuberay.refused = words
        sim.create(*ONE, SHAPES["once"])
        sim.run_for(60)
        corpus = sim.status(ONE).stages[0]
        assert (corpus.reason, corpus.message) == ("PodsRefused", words)
        for _ in range(5):
            sim.run_for(3700)
        assert words in stalled(sim, "PodsRefused")
        attempts = sim.status(ONE).stages[0].attempts
        assert len(attempts) > 2 and not any(one.counted for one in attempts if one.ended_at)
        assert {one.message for one in attempts if one.ended_at} == {words}
        sim.come_to_rest()
        assert phases(sim) == ["Ready"]


def test_a_pod_that_never_gets_its_volume_or_address_is_told_of_by_its_events() -> None:
    with world() as sim:
        sim.kuberay.held = True
        sim.create(*ONE, SHAPES["once"])
        sim.run_for(40)
        (rayjob,) = sim.rayjobs("corpus")
        pod = sim.kuberay.pod(rayjob["metadata"]["uid"])
        assert pod is not None
        note = 'configmap "company-ca" not found'
        sim.events[pod["metadata"]["uid"]] = [
            event(sim, 5, "Normal", "Scheduled", "to node-1"),
            event(sim, 9, "Warning", "FailedMount", note),
        ]
        sim.run_for(130)
        corpus = sim.status(ONE).stages[0]
        assert corpus.reason == "FailedMount" and note in corpus.message
        assert not sim.status(ONE).heals, "it may be well within minutes"
        sim.run_for(310)
        assert note in stalled(sim, "FailedMount")
        assert not any(one.counted for one in sim.status(ONE).stages[0].attempts if one.ended_at)
        sim.kuberay.held = False


def test_only_the_newest_event_says_what_keeps_a_pod() -> None:
    with Simulation().running(0) as sim:
        failed = event(sim, 2, "Warning", "FailedMount", "no such ConfigMap")
        probe = event(sim, 3, "Warning", "Unhealthy", "not ready yet")
        pulling = event(sim, 4, "Normal", "Pulling", "an image")
        assert trouble_of_events([]) is None
        assert trouble_of_events([failed]) is not None
        assert trouble_of_events([pulling, failed]) is None
        assert trouble_of_events([failed, probe]) is None
