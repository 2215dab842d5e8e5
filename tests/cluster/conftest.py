"""Fixtures of the cluster tests: one control plane and one bed a session, a namespace a test."""

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.bed.adaptations import Adaptations, upload_world, write_secret
from tests.cluster.bed.bed import Bed
from tests.cluster.bed.chart import apply, served
from tests.cluster.bed.control_plane import ControlPlane
from tests.cluster.bed.fake_kuberay import RAYJOBS, FakeKubeRay
from tests.cluster.bed.kuberay import KubeRay
from tests.cluster.bed.operator import Operator, chart_values
from tests.cluster.bed.paths import rayjob_path
from tests.cluster.bed.processes import wait_until
from tests.integration.seaweed import Seaweed, s3, s3_server
from tools.crds import build as crds
from tools.kube.build import Missing, binary, find

__all__ = ["s3", "s3_server"]


def need(find: Callable[[], object]) -> None:
    """Skip the test where something was not built, and fail it so in CI."""
    try:
        find()
    except Missing as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def helm_binary() -> None:
    """The real helm."""
    need(lambda: binary("helm"))


@pytest.fixture(scope="session")
def other_crds(control_plane: ControlPlane) -> None:
    """The control plane knows the kinds of Kueue, Argo CD and the Prometheus operator."""
    need(crds.folder)
    files = (file for file in crds.folder().glob("*/*.yaml") if "kuberay" not in str(file.parent))
    for file in sorted(files):
        crd = yaml.load(file.read_bytes(), yaml.CSafeLoader)
        apply(control_plane.admin, crd)
        version = next(one["name"] for one in crd["spec"]["versions"] if one["served"])
        path = f"/apis/{crd['spec']['group']}/{version}/{crd['spec']['names']['plural']}"
        wait_until(lambda p=path: served(control_plane.admin, p), f"{path} is served")


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    """A real control plane; skips where its binaries are not there, and fails so in CI."""
    for name in ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"):
        need(lambda n=name: binary(n))
    need(lambda: find("kuberay"))
    with ControlPlane() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def session_bed(control_plane: ControlPlane, s3_server: Seaweed) -> Iterator[Bed]:
    """The session's bed; tests ask for `bed`."""
    with Bed(control_plane, s3_server.endpoint) as bed:
        yield bed


@pytest.fixture
def bed(session_bed: Bed) -> Iterator[Bed]:
    """The control plane with the real KubeRay; what a test broke is mended after it."""
    yield session_bed
    session_bed.reset()


@pytest.fixture
def kuberay(bed: Bed) -> KubeRay:
    """The real KubeRay."""
    return bed.kuberay


@pytest.fixture
def fake_kuberay(session_bed: Bed, s3: Seaweed) -> Iterator[FakeKubeRay]:
    """The stand-in for KubeRay instead of the real one, for one test."""
    session_bed.kuberay.stop()
    fake = FakeKubeRay(session_bed.cluster.users["kuberay"])
    fake.start()
    yield fake
    fake.stop()
    for rayjob in session_bed.api.list(RAYJOBS):
        meta = rayjob["metadata"]
        session_bed.api.delete(rayjob_path(meta["namespace"], meta["name"]))
    session_bed.kuberay.start()


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    """An empty namespace of the test's own; it is deleted after it, in the background."""
    name = control_plane.namespace(f"test-{uuid.uuid4().hex[:8]}")
    yield name
    control_plane.admin.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture(scope="session")
def session_operator(session_bed: Bed, s3_server: Seaweed) -> Iterator[Operator]:
    """The session's operator; tests ask for `operator`."""
    values = chart_values(s3_server.endpoint)
    with Operator(session_bed.cluster, values, s3_server.environment) as running:
        yield running


@pytest.fixture
def operator(session_operator: Operator, bed: Bed) -> Operator:
    """Our operator, with the instant trainer."""
    bed.dashboard.trainer = "instant"
    if not session_operator.running:
        session_operator.start()
    return session_operator


@pytest.fixture
def operator_with(
    session_operator: Operator, bed: Bed, s3: Seaweed
) -> Iterator[Callable[..., Operator]]:
    """Our operator with other values of the chart, in the place of the session's."""
    bed.dashboard.trainer = "instant"
    session_operator.stop()
    started: list[Operator] = []

    def start(**values: Any) -> Operator:
        operator = Operator(bed.cluster, chart_values(s3.endpoint) | values, s3.environment)
        operator.start()
        started.append(operator)
        return operator

    yield start
    for operator in started:
        operator.stop()


@pytest.fixture
def adaptations(bed: Bed, namespace: str, s3: Seaweed, tmp_path: Path) -> Iterator[Adaptations]:
    """LanguageAdaptations of a namespace of the test's own, with a store and texts of its own."""
    write_secret(bed.api, namespace, s3.environment)
    uri = upload_world(tmp_path, s3.uri)
    yield (made := Adaptations(bed.api, namespace, uri, f"{s3.uri}store/"))
    made.delete_all()
