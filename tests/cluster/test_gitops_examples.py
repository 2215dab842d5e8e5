"""examples/gitops and examples/kueue: through the real kustomize and API server."""

import subprocess
from pathlib import Path

import pytest
import yaml

from lingraft.files import load_resources
from lingraft.resource import LanguageAdaptation
from tests.cluster.bed.api import Object
from tests.cluster.bed.chart import apply, apply_chart, ensure_namespace
from tests.cluster.bed.control_plane import ControlPlane
from tests.cluster.conftest import need
from tools.chart import ROOT
from tools.kube.build import binary

EXAMPLES = ROOT / "examples"
ADAPTATIONS = EXAMPLES / "gitops" / "adaptations"
OTHERS = {
    "gitops/argocd-application.yaml": {"Application"},
    "kueue/queues.yaml": {"ResourceFlavor", "ClusterQueue", "LocalQueue"},
}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `kubectl kustomize` makes of the ten languages."""
    need(lambda: binary("kubectl"))
    command = [str(binary("kubectl")), "kustomize", str(ADAPTATIONS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    file = tmp_path_factory.mktemp("kustomize") / "adaptations.yaml"
    file.write_text(done.stdout)
    return file


@pytest.fixture(scope="module")
def languages(rendered: Path) -> list[LanguageAdaptation]:
    return load_resources(rendered)


def test_a_rollout_is_ten_valid_resources(languages: list[LanguageAdaptation]) -> None:
    assert len({one.spec.language for one in languages}) == 10
    folders = {path.name for path in ADAPTATIONS.iterdir() if path.is_dir()}
    assert {one.metadata.name for one in languages} == folders - {"base"}
    assert {one.metadata.namespace for one in languages} == {"models"}


def test_a_language_reads_its_own_text_and_no_placeholder_is_left(
    rendered: Path, languages: list[LanguageAdaptation]
) -> None:
    for one in languages:
        assert one.spec.corpus.uri == f"s3://corpora/{one.spec.language}/"
        assert one.spec.tasks[0].test == f"s3://tasks/xnli/{one.spec.language}/"
    assert "und" not in {one.spec.language for one in languages}
    assert "/und/" not in rendered.read_text()


def test_languages_differ_in_nothing_else_so_that_they_share_stages(
    languages: list[LanguageAdaptation],
) -> None:
    own = {"language": True, "corpus": {"uri"}, "tasks": {0: {"test"}}}
    common = [one.spec.model_dump(exclude=own) for one in languages]
    assert all(one == common[0] for one in common)


def documents(file: Path) -> list[Object]:
    return [one for one in yaml.safe_load_all(file.read_text()) if one]


def test_an_api_server_takes_the_rollout(control_plane: ControlPlane, rendered: Path) -> None:
    apply_chart(control_plane, release="chart-test")
    ensure_namespace(control_plane, "models")
    for resource in documents(rendered):
        apply(control_plane.admin, resource, dry_run=True)


@pytest.mark.parametrize("name", OTHERS)
def test_an_api_server_takes_what_is_of_other_projects(
    control_plane: ControlPlane, other_crds: None, name: str
) -> None:
    found = documents(EXAMPLES / name)
    assert {one["kind"] for one in found} == OTHERS[name]
    for manifest in found:
        ensure_namespace(control_plane, manifest["metadata"].get("namespace", "default"))
        apply(control_plane.admin, manifest, dry_run=True)


def test_gitops_files_name_the_folder_of_the_rollout() -> None:
    (application,) = documents(EXAMPLES / "gitops" / "argocd-application.yaml")
    (kustomization,) = documents(EXAMPLES / "gitops" / "flux-kustomization.yaml")
    for path in (application["spec"]["source"]["path"], kustomization["spec"]["path"]):
        assert (ROOT / path).resolve() == ADAPTATIONS
    assert application["spec"]["destination"]["namespace"] == "models"


def test_a_resource_names_a_queue_of_its_namespace_that_covers_what_it_asks_for() -> None:
    flavor, cluster_queue, local_queue = documents(EXAMPLES / "kueue" / "queues.yaml")
    (resource,) = load_resources(EXAMPLES / "kueue" / "swahili.yaml")
    assert resource.spec.queue == local_queue["metadata"]["name"]
    assert resource.metadata.namespace == local_queue["metadata"]["namespace"]
    assert local_queue["spec"]["clusterQueue"] == cluster_queue["metadata"]["name"]
    (group,) = cluster_queue["spec"]["resourceGroups"]
    assert [one["name"] for one in group["flavors"]] == [flavor["metadata"]["name"]]
    # Kueue does not admit a pod that asks for a resource which its queue does not cover.
    assert {"cpu", "memory", "nvidia.com/gpu"} == set(group["coveredResources"])
