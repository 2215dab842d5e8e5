"""The chart's manifests against Kubernetes' own schemas of every version, and checkov's rules."""

import json
import subprocess
from copy import deepcopy
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from tests.cluster.bed.api import Object
from tests.cluster.bed.chart import one, render
from tests.cluster.chart_values import EVERYTHING, VARIANTS
from tests.cluster.conftest import need
from tools.checkov import build as checkov

pytestmark = pytest.mark.usefixtures("helm_binary")

VERSIONS = [f"1.{minor}" for minor in range(30, 38)]
OTHERS = {"ServiceMonitor", "PodMonitor", "PrometheusRule"}
"""Kinds that are not Kubernetes' own: test_chart_rights.py shows these to an API server."""
EXCEPTIONS = {
    "CKV_K8S_11": "A CPU limit would slow the operator down while cores are idle; memory has one.",
    "CKV_K8S_15": "IfNotPresent: a released tag is never moved, and a digest can be given.",
    "CKV_K8S_35": "boto3 reads keys from the environment; with workload identity there are none.",
    "CKV_K8S_38": "The operator and the test pod talk to the API server: they need their token.",
    "CKV_K8S_43": "The digest is known once an image is pushed: image.*.digest takes it.",
}
OF_THE_TEST_POD = {
    "CKV_K8S_8": "It runs to its end: activeDeadlineSeconds bounds it, not a probe.",
    "CKV_K8S_9": "Nothing calls it.",
    "CKV2_K8S_6": "It lives for minutes, and the policies of its namespace decide.",
}


def problems(manifest: Object, version: str) -> str:
    """What is wrong with a manifest, or nothing."""
    try:
        kubernetes_validate.validate(manifest, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return f"{'.'.join(str(part) for part in error.path)}: {error.message}"
    except kubernetes_validate.SchemaNotFoundError:
        assert manifest["kind"] in OTHERS
    return ""


@pytest.fixture(scope="module")
def manifests() -> list[Object]:
    """Every manifest that any of the variants has, once."""
    every = (manifest for values in VARIANTS.values() for manifest in render(values))
    return list({json.dumps(manifest, sort_keys=True): manifest for manifest in every}.values())


@pytest.mark.parametrize("version", VERSIONS)
def test_manifests_are_valid_for_every_kubernetes(version: str, manifests: list[Object]) -> None:
    wrong = {m["kind"]: said for m in manifests if (said := problems(m, version))}
    assert wrong == {}


def test_a_field_that_kubernetes_lacks_would_be_found() -> None:
    deployment = one(render(), "Deployment")
    deployment["spec"]["template"]["spec"]["containers"][0]["comand"] = []
    assert "comand" in problems(deployment, "1.34")


def failures(manifests: list[Object], folder: Path) -> set[tuple[str, str]]:
    """What checkov objects to: (check, kind.name)."""
    file = folder / "manifests.yaml"
    file.write_text(yaml.safe_dump_all(manifests))
    options = ["--framework=kubernetes", "--skip-download", "--output=json", f"--file={file}"]
    done = subprocess.run(
        [*checkov.command(), *options], capture_output=True, text=True, timeout=240
    )
    report = json.loads(done.stdout)
    assert report["summary"]["passed"] and not report["summary"]["parsing_errors"]
    found: set[tuple[str, str]] = set()
    for check in report["results"]["failed_checks"]:
        kind, _, name = check["resource"].split(".")
        found.add((check["check_id"], f"{kind}.{name}"))
    return found


def test_checkov_objects_to_nothing_that_has_no_reason(tmp_path: Path) -> None:
    need(checkov.command)
    values = EVERYTHING | {"image": {}, "operator": {"credentialsSecret": "s3"}}
    values["fixedUsers"] = True  # else the cluster gives them
    values["test"] = EVERYTHING["test"] | {"namespace": "models"}
    manifests = [m for m in render(values) if m["kind"] not in OTHERS]
    worse = deepcopy(one(manifests, "Deployment"))
    worse["metadata"]["name"] = "worse"
    (container,) = worse["spec"]["template"]["spec"]["containers"]
    container["securityContext"]["allowPrivilegeEscalation"] = True
    found = failures([*manifests, worse], tmp_path)
    assert ("CKV_K8S_20", "Deployment.worse") in found
    expected = {(check, "Deployment.lingraft") for check in EXCEPTIONS}
    expected |= {(check, "Pod.lingraft-test") for check in EXCEPTIONS.keys() - {"CKV_K8S_35"}}
    expected |= {(check, "Pod.lingraft-test") for check in OF_THE_TEST_POD}
    assert {f for f in found if f[1] != "Deployment.worse"} == expected
