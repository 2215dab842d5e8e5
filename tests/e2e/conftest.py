"""Fixtures of the e2e tests: one cluster of real nodes a session, with our chart installed."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.bed.adaptations import Adaptations, upload_world, write_secret
from tests.e2e.bed import network
from tests.e2e.bed.bed import Bed
from tests.e2e.bed.release import TENANT, Release
from tests.e2e.runs import Finished, finish
from tools.images import build as images
from tools.kube import policies
from tools.kube.build import Missing, binary

BINARIES = ("kube-apiserver", "kubelet", "kuberay-operator", "coredns", "pause", "helm")
PROGRAMS = ("containerd", "runc", "iptables", "ipset", "ip", "nsenter")


def archives() -> dict[str, Path]:
    """The images under test, operator and trainer, as the Dockerfile built them: name to archive.

    Raises:
        images.Missing: They were not built.
    """
    found = [images.find(target) for target in ("operator", "trainer")]
    # Named after what is in them: operator-<digest>/image.tar.
    return {f"lingraft.test/{file.parent.name.replace('-', ':')}": file for file in found}


def missing() -> str | None:
    """Why there can be no bed here."""
    if os.geteuid() != 0:
        return "real nodes take root"
    if not network.alone():
        return "run it by tools/loopback.sh: the nodes' network would be the machine's"
    if absent := [program for program in PROGRAMS if shutil.which(program) is None]:
        return f"{', '.join(absent)} are not installed: see tests/e2e/prerequisites.sh"
    try:
        for name in BINARIES:
            binary(name)
        policies.program()
        archives()
    except (Missing, images.Missing) as error:
        return str(error)
    return None


@pytest.fixture(scope="session")
def bed() -> Iterator[Bed]:
    """The cluster; skips where there can be none, and fails so in CI."""
    if why := missing():
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
    with Bed(archives()) as made:
        yield made


@pytest.fixture(scope="session")
def session_s3(bed: Bed) -> Iterator[None]:
    """The AWS environment of this process leads to the bed's store."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "AWS_CA_BUNDLE"):
            patch.delenv(name, raising=False)
        for name, value in bed.s3.environment.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def release(bed: Bed) -> Release:
    """Our operator and trainer, installed by helm."""
    operator, trainer = archives()
    return Release(bed, operator, trainer)


@pytest.fixture(scope="session")
def adaptations(
    bed: Bed, release: Release, session_s3: None, tmp_path_factory: pytest.TempPathFactory
) -> Adaptations:
    """LanguageAdaptations of the namespace that may use the store; texts and a base are there."""
    write_secret(bed.api, TENANT, bed.s3.environment)
    texts = upload_world(tmp_path_factory.mktemp("world"), "s3://lingraft/inputs/")
    return Adaptations(bed.api, TENANT, texts, "s3://lingraft/store/")


@pytest.fixture(scope="session")
def finished(
    bed: Bed, adaptations: Adaptations, tmp_path_factory: pytest.TempPathFactory
) -> Finished:
    """An adaptation that went from `kubectl apply` to Ready, undisturbed."""
    return finish(bed, adaptations, tmp_path_factory.mktemp("finished"))
