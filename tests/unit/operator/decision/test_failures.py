from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from lingraft.stage import Failure
from lingraft_operator.decision.failures import ENDS_WITHIN, ending_of, never_ran
from lingraft_operator.world import Ending, Observed, PodTrouble, RayJob, Signs
from tests.support.operator.clock import START
from tests.support.operator.views import attempt, rayjob, stage

ENDED = rayjob(deployment_status="Failed", job_status="FAILED", reason="AppFailed")


def said(failure_class: Any, where: str = "") -> Observed:
    failure = Failure(failure_class=failure_class, reason="Said", message="why", where=where)
    return Observed(failures={"h": failure})


def in_trouble(kind: Any, observed: Observed | None = None) -> Observed:
    trouble = {"h": PodTrouble(kind, "Pod", "pod says", START)}
    if kind == "disrupted":
        return replace(observed or Observed(), disruptions=trouble)
    return replace(observed or Observed(), troubles=trouble)


def exited(code: int) -> RayJob:
    return replace(ENDED, message=f"Job entrypoint command failed with exit code {code}, logs: x")


def test_what_the_trainer_wrote_counts_most() -> None:
    ending = ending_of(attempt(), exited(1), in_trouble("resource", said("user", "s3://b/x")))
    assert (ending.failure_class, ending.reason) == ("user", "Said")
    assert ending.message == "s3://b/x: why (also said: pod says)"
    assert ending_of(attempt(), None, said("resource")).failure_class == "resource"


def test_an_infrastructure_failure_of_the_trainer_is_explained_by_its_pod() -> None:
    """A lost connection is what the trainer sees of a neighbour that was killed for memory."""
    ending = ending_of(attempt(), ENDED, in_trouble("resource", said("infrastructure")))
    assert (ending.failure_class, ending.reason) == ("resource", "Pod")
    assert ending_of(attempt(), ENDED, said("infrastructure")).reason == "Said"


@pytest.mark.parametrize(
    ("kind", "failure_class"),
    [("resource", "resource"), ("fatal", "outside"), ("disrupted", "infrastructure")],
)
def test_a_pod_without_a_word_of_the_trainer(kind: str, failure_class: str) -> None:
    ending = ending_of(attempt(), ENDED, in_trouble(kind))
    assert (ending.failure_class, ending.reason) == (failure_class, "Pod")


@pytest.mark.parametrize("kind", ["waiting", "aside", "unready"])
def test_what_kept_a_pod_waiting_did_not_end_it(kind: str) -> None:
    assert ending_of(attempt(), ENDED, in_trouble(kind)).reason == "AppFailed"


def test_a_preemption_counts_only_if_nothing_was_kept() -> None:
    preempted = in_trouble("disrupted")
    assert ending_of(attempt(), ENDED, preempted).counted
    saved = replace(preempted, checkpoints={"h": 40})
    assert not ending_of(attempt(), ENDED, saved).counted
    of_another = replace(preempted, checkpoints={"other": 40})
    assert ending_of(attempt(), ENDED, of_another).counted


def test_a_preemption_counts_unless_more_is_kept_than_before() -> None:
    """An attempt that only made again what was there has made no progress."""
    saved = replace(in_trouble("disrupted"), checkpoints={"h": 40})
    assert ending_of(attempt(), ENDED, saved, kept=40).counted
    assert not ending_of(attempt(), ENDED, saved, kept=39).counted


LATER = START + timedelta(hours=1)


@pytest.mark.parametrize(
    ("signs", "running_since", "survived"),
    [
        (None, None, False),
        (Signs(heard=LATER), None, False),  # its lease is renewed while it hangs
        (Signs(heard=LATER, moved=START + ENDS_WITHIN), None, False),
        (Signs(heard=LATER, moved=START + timedelta(seconds=121)), None, True),
        (None, START - timedelta(seconds=1), False),
        (None, LATER, True),  # started again
    ],
)
def test_a_former_disruption_does_not_judge_todays_failure(
    signs: Signs | None, running_since: datetime | None, survived: bool
) -> None:
    """Both sayings are kept."""
    observed = replace(
        in_trouble("disrupted", said("infrastructure")),
        checkpoints={"h": 40},
        signs={"h": signs} if signs else {},
    )
    ending = ending_of(attempt(), replace(ENDED, running_since=running_since), observed)
    assert (ending.reason, ending.counted) == (("Said", True) if survived else ("Pod", False))
    assert "why" in ending.message and "pod says" in ending.message


def test_a_rayjob_that_is_gone_may_be_tried_again() -> None:
    ending = ending_of(attempt(), None, Observed())
    assert (ending.failure_class, ending.reason, ending.counted) == (
        "infrastructure",
        "RayJobDeleted",
        True,
    )


@pytest.mark.parametrize(
    ("ended", "failure_class", "reason", "counted"),
    [
        (exited(1), "infrastructure", "AppFailed", True),
        (exited(2), "user", "StageFailed", True),
        (exited(3), "infrastructure", "StageBusy", False),
        (exited(4), "outside", "CredentialsRefused", True),
        (exited(-9), "infrastructure", "AppFailed", True),
        (exited(23), "infrastructure", "AppFailed", True),
        (replace(ENDED, reason=""), "infrastructure", "RayJobFailed", True),
        (rayjob(deployment_status="ValidationFailed"), "outside", "RayJobRefused", True),
        (
            replace(ENDED, reason="PreRunningDeadlineExceeded"),
            "infrastructure",
            "PreRunningDeadlineExceeded",
            True,
        ),
        (
            rayjob(deployment_status="Complete", job_status="SUCCEEDED"),
            "infrastructure",
            "NoManifest",
            True,
        ),
        (
            rayjob(deployment_status="Complete", job_status="STOPPED", reason="Stopped"),
            "infrastructure",
            "Stopped",
            True,
        ),
    ],
)
def test_what_kuberay_says_counts_least(
    ended: RayJob, failure_class: str, reason: str, counted: bool
) -> None:
    ending = ending_of(attempt(), ended, Observed())
    assert (ending.failure_class, ending.reason, ending.counted) == (failure_class, reason, counted)
    assert ending.message


def test_what_never_ran_says_what_was_last_said_of_it() -> None:
    over = ending_of(attempt(), replace(ENDED, reason="PreRunningDeadlineExceeded"), Observed())

    def after(reason: str, message: str) -> Ending:
        return never_ran(over, stage(state="Starting", reason=reason, message=message))

    quota = after("PodsRefused", "pods are forbidden: exceeded quota")
    assert quota == Ending("outside", "PodsRefused", "pods are forbidden: exceeded quota")
    assert after("Starting", "waiting for its pods").reason == "PreRunningDeadlineExceeded"
    capacity = after("WaitingForCapacity", "0/3 nodes")
    assert (capacity.failure_class, capacity.counted) == ("infrastructure", False)


def test_words_of_another_holder_are_not_this_ones() -> None:
    failure = Failure(failure_class="user", reason="Said", message="why")
    trouble = PodTrouble("resource", "Pod", "pod says", START)
    others = Observed(failures={"x": failure}, troubles={"x": trouble})
    assert ending_of(attempt(), ENDED, others).reason == "AppFailed"
