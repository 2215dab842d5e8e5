"""Sources that are followed, and budgets, on a real API server with the real KubeRay."""

from tests.cluster.bed.adaptations import Adaptations, conditions_of
from tests.cluster.bed.bed import Bed
from tests.cluster.bed.operator import Operator
from tests.cluster.bed.processes import wait_until


def refreshed(adaptations: Adaptations) -> str:
    """Status of the condition Refreshed; empty while there is none."""
    return conditions_of(adaptations.get("french")).get("Refreshed", {}).get("status", "")


def test_a_corpus_is_followed_on_schedule_and_what_is_ready_stays(
    operator: Operator, adaptations: Adaptations, bed: Bed
) -> None:
    every_minute = {"schedule": "* * * * *", "timeZone": "Asia/Kolkata"}
    corpus = {"uri": adaptations.upload_corpus()}
    adaptations.create("french", corpus=corpus, refresh=every_minute, tasks=[])
    before = adaptations.wait("french")["status"]
    assert before["refresh"]["nextScheduleTime"]
    bed.behaviours.set("corpus", seconds=5)
    adaptations.upload_corpus("Une phrase de plus.\n")
    wait_until(lambda: refreshed(adaptations) == "Unknown", "it is followed", seconds=90)
    during = adaptations.get("french")
    assert conditions_of(during)["Ready"]["status"] == "True"
    assert during["status"]["artifacts"] == before["artifacts"]
    assert during["spec"]["refresh"] == every_minute and during["metadata"]["generation"] == 1
    wait_until(lambda: refreshed(adaptations) == "True", "it is done")
    after = adaptations.get("french")["status"]
    assert after["artifacts"] != before["artifacts"]
    assert after["refresh"]["lastScheduleTime"].endswith(":00Z")


def test_what_a_budget_does_not_allow_stops_and_goes_on_when_it_is_raised(
    operator: Operator, adaptations: Adaptations, bed: Bed
) -> None:
    bed.behaviours.set("corpus", seconds=30)
    adaptations.create("french", budget={"deviceHours": 0.004}, tasks=[])  # 7 s of two cores
    stalled = adaptations.wait("french", "Stalled")
    assert conditions_of(stalled)["Stalled"]["reason"] == "BudgetExceeded"
    assert stalled["status"]["budget"]["used"] >= "100%"
    assert stalled["status"]["budget"]["left"] == {"deviceHours": 0}
    bed.behaviours.set("corpus", seconds=0)
    adaptations.edit("french", budget={"deviceHours": 10})
    ready = adaptations.wait("french")["status"]
    assert ready["budget"]["spent"]["deviceHours"] > 0.004
