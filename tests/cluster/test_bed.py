"""The bed behaves as the cluster it stands for."""

from typing import Any

import urllib3

from tests.cluster.bed.bed import Bed
from tests.cluster.bed.paths import rayjob_path
from tests.cluster.bed.processes import wait_until
from tests.cluster.bed.samples import rayjob


def status(bed: Bed, namespace: str, name: str) -> dict[str, Any]:
    return bed.api.get(rayjob_path(namespace, name)).get("status", {})


def wait_for(bed: Bed, namespace: str, name: str, deployment: str) -> dict[str, Any]:
    """The RayJob's status once it has this jobDeploymentStatus."""
    wait_until(
        lambda: status(bed, namespace, name).get("jobDeploymentStatus") == deployment,
        f"RayJob {name} turns {deployment}",
        bed.kuberay.process,
    )
    return status(bed, namespace, name)


def create(bed: Bed, namespace: str, name: str, entrypoint: str, **settings: Any) -> None:
    bed.api.create(rayjob_path(namespace), rayjob(name, entrypoint, **settings))


def test_a_job_that_ends_well_succeeds(bed: Bed, namespace: str) -> None:
    create(bed, namespace, "good", '[ "$GREETING" = "hello from $POD" ]')
    assert wait_for(bed, namespace, "good", "Complete")["jobStatus"] == "SUCCEEDED"


def test_a_job_that_fails_says_how(bed: Bed, namespace: str) -> None:
    create(bed, namespace, "bad", "echo no such thing; exit 3")
    found = wait_for(bed, namespace, "bad", "Failed")
    assert found["jobStatus"] == "FAILED" and found["reason"] == "AppFailed"
    assert "exit code 3" in found["message"] and "no such thing" in found["message"]


def submitted(bed: Bed, namespace: str, name: str, times: int = 1) -> None:
    """Return when a RayJob's job has been submitted so often."""
    wait_until(
        lambda: [one[:2] for one in bed.dashboard.submissions].count((namespace, name)) >= times,
        f"RayJob {name} is submitted {times} times",
    )


ENDLESS = "while true; do sleep 0.05; done"


def test_a_deleted_rayjob_stops_its_process(bed: Bed, namespace: str) -> None:
    mark = bed.dashboard.folder / namespace
    create(bed, namespace, "long", f"trap 'touch {mark}; exit' TERM; {ENDLESS}")
    submitted(bed, namespace, "long")
    (work,) = bed.dashboard.jobs(namespace, "long")[0].works
    bed.api.delete(rayjob_path(namespace, "long"))
    wait_until(lambda: work.result(), "the process ends")
    assert mark.exists(), "it was killed without a SIGTERM"
    wait_until(lambda: not bed.pods(namespace), "its pods go")


def test_a_lost_head_pod_ends_the_process_and_kuberay_submits_again(
    bed: Bed, namespace: str
) -> None:
    # Ends well the second time only.
    mark = bed.dashboard.folder / namespace
    create(bed, namespace, "again", f"[ -e {mark} ] && exit; touch {mark}; {ENDLESS}")
    submitted(bed, namespace, "again")
    wait_until(mark.exists, "the first process runs")
    (work,) = bed.dashboard.jobs(namespace, "again")[0].works
    bed.delete_head(namespace, "again")
    wait_until(lambda: work.result(), "the first process ends")
    assert wait_for(bed, namespace, "again", "Complete")["jobStatus"] == "SUCCEEDED"
    assert len([one for one in bed.dashboard.submissions if one[0] == namespace]) == 2


def test_a_job_the_dashboard_forgot_runs_twice(bed: Bed, namespace: str) -> None:
    create(bed, namespace, "twice", ENDLESS)
    submitted(bed, namespace, "twice")
    (first,) = bed.dashboard.jobs(namespace, "twice")[0].works
    bed.dashboard.forget(namespace, "twice")
    submitted(bed, namespace, "twice", times=2)
    assert first.result() is None


def test_a_killed_process_fails_the_job(bed: Bed, namespace: str) -> None:
    create(bed, namespace, "killed", ENDLESS)
    submitted(bed, namespace, "killed")
    bed.dashboard.kill(namespace, "killed")
    assert wait_for(bed, namespace, "killed", "Failed")["jobStatus"] == "FAILED"


def test_the_dashboard_can_say_failed_of_a_job_that_succeeded(bed: Bed, namespace: str) -> None:
    bed.dashboard.faults.say_failed(namespace=namespace)
    create(bed, namespace, "slandered", "true")
    assert "supervisor" in wait_for(bed, namespace, "slandered", "Failed")["message"]


def test_a_job_survives_a_dashboard_that_is_away(bed: Bed, namespace: str) -> None:
    bed.dashboard.faults.error(2.0, namespace=namespace)
    create(bed, namespace, "patient", "true")
    assert wait_for(bed, namespace, "patient", "Complete")["jobStatus"] == "SUCCEEDED"


def test_clients_go_on_after_the_api_server_was_killed(bed: Bed, namespace: str) -> None:
    mark = bed.dashboard.folder / namespace
    create(bed, namespace, "through", f"until [ -e {mark} ]; do sleep 0.05; done")
    submitted(bed, namespace, "through")
    bed.cluster.restart_api_server()
    mark.touch()
    assert wait_for(bed, namespace, "through", "Complete")["jobStatus"] == "SUCCEEDED"
    create(bed, namespace, "after", "true")
    assert wait_for(bed, namespace, "after", "Complete")["jobStatus"] == "SUCCEEDED"


def test_questions_without_the_token_are_refused(bed: Bed, namespace: str) -> None:
    create(bed, namespace, "guarded", ENDLESS)
    submitted(bed, namespace, "guarded")
    url = status(bed, namespace, "guarded")["dashboardURL"]
    with urllib3.ProxyManager(bed.dashboard.url) as proxy:
        assert proxy.request("GET", f"http://{url}/api/jobs/any").status == 401
