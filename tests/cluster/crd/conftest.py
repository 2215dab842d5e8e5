"""A real API server of its own with the CRD, and kubectl against it."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.cluster.bed.api import Api, Object
from tests.cluster.bed.control_plane import ControlPlane
from tests.cluster.bed.kuberay import install
from tests.cluster.crd.resources import Kubectl
from tools.kube.build import binary

ROOT = Path(__file__).parents[3]
FILE = ROOT / "crds" / "lingraft.dev_languageadaptations.yaml"


@pytest.fixture(scope="package")
def control_plane(control_plane: ControlPlane) -> Iterator[ControlPlane]:
    """One of its own: on the session's an operator may be at work on what is made here."""
    with ControlPlane() as own:
        yield own


@pytest.fixture(scope="package")
def crd(control_plane: ControlPlane) -> Api:
    """The API server with the CRD."""
    install(control_plane.admin, [yaml.safe_load(FILE.read_text())])
    return control_plane.admin


@pytest.fixture
def kubectl(control_plane: ControlPlane, crd: Api, namespace: str) -> Kubectl:
    """Run kubectl in the test's namespace; what it says, on stdout or, where it fails, stderr."""

    def run(*arguments: str, given: Object | None = None) -> str:
        command = [
            *(binary("kubectl"), "--kubeconfig", control_plane.kubeconfig()),
            *("--namespace", namespace, *arguments),
        ]
        stdin = "" if given is None else json.dumps(given)
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60)
        return done.stderr if done.returncode else done.stdout

    return run
