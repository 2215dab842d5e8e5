"""A proxy that the chart names is the operator's and the Ray pods', for what is outside."""

from pathlib import Path

import pytest
from botocore.utils import should_bypass_proxies

from lingraft_operator.config import load_config
from tests.cluster.bed.api import Object
from tests.cluster.bed.chart import config_text, one, render

PROXY = "http://proxy.example:3128"
pytestmark = pytest.mark.usefixtures("helm_binary")


def rendered(*variables: tuple[str, str], folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """The variables of the operator's container, and those that Ray containers get."""
    given = [{"name": name, "value": value} for name, value in variables]
    manifests: list[Object] = render({"operator": {"env": given}})
    (container,) = one(manifests, "Deployment")["spec"]["template"]["spec"]["containers"]
    file = folder / "config.yaml"
    file.write_text(config_text(manifests))
    env = container.get("env", [])
    assert len({one["name"] for one in env}) == len(env), "a variable stands there twice"
    return {one["name"]: one["value"] for one in env}, load_config(file).proxy


def test_operator_and_ray_pods_have_the_proxy(tmp_path: Path) -> None:
    operator, ray = rendered(
        ("HTTPS_PROXY", PROXY), ("NO_PROXY", "10.0.0.0/8"), ("TZ", "UTC"), folder=tmp_path
    )
    assert ray["HTTPS_PROXY"] == PROXY and ray["NO_PROXY"].startswith("10.0.0.0/8,")
    assert operator == ray | {"TZ": "UTC"}


@pytest.mark.parametrize("said", [(), (("no_proxy", "intern.example"),)])
def test_what_is_in_the_cluster_is_not_asked_for_through_it(
    said: tuple[tuple[str, str], ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, ray = rendered(("https_proxy", PROXY), ("HTTP_PROXY", PROXY), *said, folder=tmp_path)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in ray.items():
        monkeypatch.setenv(name, value)
    for url in (
        "http://localhost:52365/api/local_raylet_healthz",  # KubeRay's probes
        "http://127.0.0.1:8265",
        "http://[::1]:8265",
        "http://seaweedfs.storage.svc:8333",
        "https://seaweedfs.storage.svc.cluster.local:8333/bucket",
        "http://169.254.169.254/latest/meta-data",
        "http://169.254.170.23/v1/credentials",
        "http://[fd00:ec2::23]/v1/credentials",
    ):
        assert should_bypass_proxies(url), url
    assert not should_bypass_proxies("https://s3.eu-west-1.amazonaws.com/bucket")
    assert bool(said) == should_bypass_proxies("https://s3.intern.example/bucket")


def test_without_a_proxy_there_is_nothing_to_go_around(tmp_path: Path) -> None:
    assert rendered(("NO_PROXY", "x"), folder=tmp_path) == ({"NO_PROXY": "x"}, {})
    assert rendered(folder=tmp_path) == ({}, {})
