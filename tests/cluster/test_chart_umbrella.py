"""The chart as a dependency of a parent's: switched off by it, and of its registry."""

import shutil
from pathlib import Path

import pytest
import yaml

from tests.cluster.bed.api import Object
from tests.cluster.bed.chart import HelmError, config_text, helm, one, render
from tests.cluster.chart_values import EVERYTHING
from tools.chart import CHART

VERSION = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
pytestmark = pytest.mark.usefixtures("helm_binary")


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    """A platform's chart with ours and one of its own."""
    folder = tmp_path / "platform"
    (folder / "templates").mkdir(parents=True)
    shutil.copytree(CHART, folder / "charts" / "lingraft")
    own = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "platform"}}
    (folder / "templates" / "own.yaml").write_text(yaml.safe_dump(own))
    ours = yaml.safe_load((CHART / "Chart.yaml").read_text())
    dependency = {
        "name": "lingraft",
        "version": ours["version"],
        "repository": "",
        "condition": "lingraft.enabled",
    }
    chart = {"apiVersion": "v2", "name": "platform", "version": "1.0.0"}
    (folder / "Chart.yaml").write_text(yaml.safe_dump(chart | {"dependencies": [dependency]}))
    return folder


def rendered(parent: Path, values: Object) -> list[Object]:
    text = helm("template", "platform", str(parent), "--namespace=platform", values=values)
    return [one for one in yaml.load_all(text, yaml.CSafeLoader) if one]


def ours(manifests: list[Object]) -> list[Object]:
    return [one for one in manifests if one["metadata"]["name"] != "platform"]


def images(manifests: list[Object]) -> tuple[str, str]:
    """The operator's and the trainer's."""
    (container,) = one(manifests, "Deployment")["spec"]["template"]["spec"]["containers"]
    return container["image"], yaml.safe_load(config_text(ours(manifests)))["trainerImage"]


def test_a_parent_switches_it_off_and_on(parent: Path) -> None:
    off = rendered(parent, {"lingraft": {"enabled": False}})
    assert [one["metadata"]["name"] for one in off] == ["platform"]
    on = rendered(parent, {"lingraft": {"enabled": True}})
    assert one(on, "Deployment")["metadata"]["name"] == "platform-lingraft"
    assert images(on) == (f"lingraft/operator:{VERSION}", f"lingraft/trainer:{VERSION}")


def test_alone_it_cannot_be_switched_off_in_silence() -> None:
    with pytest.raises(HelmError, match="condition of a parent chart's dependency"):
        render({"enabled": False})


def test_images_are_of_the_parent_s_registry(parent: Path) -> None:
    given = {"global": {"imageRegistry": "registry.platform.example:5000/mirror/", "other": 1}}
    operator, trainer = images(rendered(parent, given))
    assert operator == f"registry.platform.example:5000/mirror/lingraft/operator:{VERSION}"
    assert trainer == f"registry.platform.example:5000/mirror/lingraft/trainer:{VERSION}"
    # One that stands in the repository is replaced.
    operator, trainer = images(
        rendered(parent, given | {"lingraft": {"image": EVERYTHING["image"]}})
    )
    assert operator.startswith("registry.platform.example:5000/mirror/operator@sha256:")
    assert trainer == "registry.platform.example:5000/mirror/trainer:1.2.3-cuda"


def test_every_pod_has_the_parent_s_secrets(parent: Path) -> None:
    given = {
        "global": {"imagePullSecrets": ["a", {"name": "b"}]},
        "lingraft": {
            "image": {"pullSecrets": [{"name": "own"}, {"name": "b"}]},
            "pools": {"large": {"imagePullSecrets": [{"name": "large"}]}},
            "test": {"enabled": True, "namespace": "models", "spec": {"language": "fr"}},
        },
    }
    manifests = rendered(parent, given)
    pods = [
        one(manifests, "Deployment")["spec"]["template"],
        one(manifests, "Pod", component="test"),
    ]
    for pod in pods:
        assert pod["spec"]["imagePullSecrets"] == [{"name": n} for n in ("own", "b", "a")]
    pools = yaml.safe_load(config_text(ours(manifests)))["pools"]
    assert pools["small"]["imagePullSecrets"] == [{"name": "a"}, {"name": "b"}]
    assert pools["large"]["imagePullSecrets"] == [{"name": "large"}]
