"""The stand-ins for trainer and KubeRay leave at the store what the real ones would."""

import base64
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import urllib3

from lingraft.planning import plan_resource
from lingraft.stage import StageSpec
from lingraft.store import open_store
from lingraft.store.lease import Lease
from lingraft.store.stages import StageStore
from tests.cluster.bed.bed import Bed
from tests.cluster.bed.behaviours import Behaviour
from tests.cluster.bed.fake_kuberay import FakeKubeRay
from tests.cluster.bed.forwarder import Forwarder
from tests.cluster.bed.instant import environment, run
from tests.cluster.bed.paths import rayjob_path
from tests.cluster.bed.processes import wait_until
from tests.cluster.bed.results import result_of
from tests.cluster.bed.samples import stage_job
from tests.integration.seaweed import Seaweed
from tests.support.specs import planned, spec_of, task
from tests.support.world import resource_of, write_world

SECRET = "s3-credentials"


def specs(s3: Seaweed, holder: str = "first") -> dict[str, StageSpec]:
    """Every stage of a plan by its kind, ready to run."""
    spec = spec_of("MiniPost", tasks=[task()], store={"uri": s3.uri})
    plan = planned(spec)
    return {one.stage.kind: plan.spec(one, holder) for one in plan.stages}


def store_of(spec: StageSpec) -> StageStore:
    return StageStore(open_store(spec.store), spec.stage, spec.holder)


@pytest.fixture
def launch(bed: Bed, namespace: str, s3: Seaweed) -> Callable[[str, StageSpec], None]:
    """Create a RayJob that runs a stage with the instant trainer."""
    bed.dashboard.trainer = "instant"
    keys = {name: s3.environment[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    data = {name: base64.b64encode(value.encode()).decode() for name, value in keys.items()}
    body = {"metadata": {"name": SECRET}, "data": data}
    bed.api.create(f"/api/v1/namespaces/{namespace}/secrets", body)

    def create(name: str, spec: StageSpec) -> None:
        bed.api.create(rayjob_path(namespace), stage_job(name, spec, SECRET))

    return create


def ended(bed: Bed, namespace: str, name: str) -> str:
    """A RayJob's jobDeploymentStatus when it is over."""

    def now() -> str:
        found = bed.api.get(rayjob_path(namespace, name)).get("status", {})
        return found.get("jobDeploymentStatus", "")

    wait_until(lambda: now() in ("Complete", "Failed"), f"RayJob {name} ends")
    return now()


def test_every_stage_of_a_plan_has_a_result(s3: Seaweed) -> None:
    for kind, spec in specs(s3).items():
        assert result_of(spec.stage).metrics, kind


def test_the_instant_trainer_publishes_a_manifest(
    bed: Bed, namespace: str, s3: Seaweed, launch: Callable[[str, StageSpec], None]
) -> None:
    spec = specs(s3)["corpus"]
    launch("corpus", spec)
    assert ended(bed, namespace, "corpus") == "Complete"
    manifest = store_of(spec).manifest()
    assert manifest is not None and manifest.holder == "first" and manifest.files
    lease = Lease(open_store(spec.store), spec.stage, "second").read()
    assert lease is not None and lease[0].released


def test_the_instant_trainer_fails_as_it_is_told_and_so_often(
    bed: Bed, namespace: str, s3: Seaweed, launch: Callable[[str, StageSpec], None]
) -> None:
    spec = specs(s3)["corpus"]
    bed.behaviours.set("corpus", fail="resource", message="out of memory", times=1)
    launch("first", spec)
    assert ended(bed, namespace, "first") == "Failed"
    failure = store_of(spec).read_failure("first")
    assert failure is not None and failure.failure_class == "resource"
    launch("second", specs(s3, "second")["corpus"])
    assert ended(bed, namespace, "second") == "Complete"


def test_a_trainer_that_dies_leaves_its_lease_and_nothing_else(
    bed: Bed, namespace: str, s3: Seaweed, launch: Callable[[str, StageSpec], None]
) -> None:
    spec = specs(s3)["corpus"]
    bed.behaviours.set("*", die=True)
    launch("corpus", spec)
    assert ended(bed, namespace, "corpus") == "Failed"
    assert store_of(spec).manifest() is None and store_of(spec).read_failure("first") is None
    lease = Lease(open_store(spec.store), spec.stage, "second").read()
    assert lease is not None and not lease[0].released


def test_a_duplicate_does_no_harm(
    bed: Bed, namespace: str, s3: Seaweed, launch: Callable[[str, StageSpec], None]
) -> None:
    spec = specs(s3)["corpus"]
    bed.dashboard.faults.duplicate(namespace=namespace)
    bed.behaviours.set("corpus", seconds=0.5)
    launch("corpus", spec)
    wait_until(lambda: bed.dashboard.jobs(namespace, "corpus"), "it is submitted")
    first, second = bed.dashboard.jobs(namespace, "corpus")[0].works
    # The slower one finds the lease given back; which one that is, the RayJob's end depends on.
    assert ended(bed, namespace, "corpus") in ("Complete", "Failed")
    wait_until(lambda: first.result() and second.result(), "both have ended")
    assert store_of(spec).manifest() is not None
    assert store_of(spec).read_failure(spec.holder) is None


def test_a_slow_attempt_resumes_from_the_checkpoint_of_the_last(s3: Seaweed) -> None:
    spec = specs(s3)["corpus"]
    slow = Behaviour(seconds=0.2, die=True)
    with pytest.raises(BaseException):  # noqa: B017
        run(spec, slow, threading.Event())
    checkpoint = store_of(spec).latest_checkpoint()
    assert checkpoint is not None and checkpoint.step == 50
    steps: list[int] = []
    store = open_store(spec.store)
    put = store.put

    def recorded(key: str, data: bytes, **options: object) -> str:
        if key.endswith("progress.json") and b'"training"' in data:
            steps.append(int(data.split(b'"step": ')[1].split(b",")[0]))
        return put(key, data, **options)  # type: ignore[arg-type]

    store.put = recorded  # type: ignore[method-assign]
    run(spec, Behaviour(seconds=0.1), threading.Event(), store)
    assert steps == [60, 70, 80, 90, 100]


def test_the_real_trainer_computes_a_stage(
    bed: Bed, namespace: str, s3: Seaweed, launch: Callable[[str, StageSpec], None], tmp_path: Path
) -> None:
    bed.dashboard.trainer = "real"
    world = write_world(tmp_path / "world")
    open_store(f"{s3.uri}texts/").upload(world, "")
    plan = plan_resource(resource_of("Standard", f"{s3.uri}texts/", f"{s3.uri}store/"))
    first = plan.stages[0]
    spec = plan.spec(first, "first")
    launch("corpus", spec)
    assert ended(bed, namespace, "corpus") == "Complete"
    manifest = store_of(spec).manifest()
    assert manifest is not None and manifest.metrics["tokens"] > 0


def test_the_fake_kuberay_completes_what_can_be_computed(
    bed: Bed, fake_kuberay: FakeKubeRay, namespace: str, s3: Seaweed
) -> None:
    spec = specs(s3)["corpus"]
    for number in range(20):
        bed.api.create(rayjob_path(namespace), stage_job(f"job-{number}", spec, SECRET))
    for number in range(20):
        assert ended(bed, namespace, f"job-{number}") == "Complete"
    manifest = store_of(spec).manifest()
    assert manifest is not None and manifest.environment == environment()


def test_the_fake_kuberay_waits_while_a_rayjob_is_suspended(
    bed: Bed, fake_kuberay: FakeKubeRay, namespace: str, s3: Seaweed
) -> None:
    body = stage_job("held", specs(s3)["corpus"], SECRET)
    body["spec"]["suspend"] = True
    path = rayjob_path(namespace, "held")
    bed.api.create(rayjob_path(namespace), body)
    wait_until(
        lambda: bed.api.get(path).get("status", {}).get("jobDeploymentStatus") == "Suspended",
        "it is suspended",
    )
    bed.api.merge(path, {"spec": {"suspend": False}})
    assert ended(bed, namespace, "held") == "Complete"


def test_a_forwarder_cuts_refuses_and_allows(s3_server: Seaweed) -> None:
    forwarder = Forwarder(int(s3_server.endpoint.rpartition(":")[2]))
    pool = urllib3.PoolManager(retries=False, timeout=2)
    url = f"http://127.0.0.1:{forwarder.port}/"
    try:
        assert pool.request("GET", url).status
        with socket.create_connection(("127.0.0.1", forwarder.port), 30) as open_one:
            # A later connection is answered, so this one is through.
            assert urllib3.request("GET", url, retries=False).status
            forwarder.cut()
            assert open_one.recv(1) == b""
        forwarder.refuse()
        with pytest.raises(urllib3.exceptions.HTTPError):
            pool.request("GET", url)
        forwarder.allow()
        assert pool.request("GET", url).status
        forwarder.silence()
        with pytest.raises(urllib3.exceptions.HTTPError):
            pool.request("GET", url)
        forwarder.allow()
    finally:
        forwarder.close()
