"""What the CRD accepts on a real API server, and what may change in it later."""

from pathlib import Path
from typing import Any

import pytest

from bench.replication.preset import load_preset
from bench.replication.rates import searched
from bench.replication.resources import write_resources
from lingraft.crd import GROUP, PLURAL
from lingraft.files import load_resource
from lingraft.resource import LanguageAdaptationSpec
from tests.cluster.bed.api import Api, ApiError
from tests.cluster.bed.kuberay import CRDS
from tests.cluster.crd.resources import SHAPES, Kubectl, create, on_s3, path, resource, spec_of
from tests.support.examples import EXAMPLES
from tests.support.specs import task


def test_it_is_accepted_without_a_reservation(crd: Api):
    definition = crd.get(f"{CRDS}/{PLURAL}.{GROUP}")
    conditions = {c["type"]: c["status"] for c in definition["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_accepted_and_nothing_is_added(crd: Api, namespace: str, shape: str):
    spec = SHAPES[shape]
    assert create(crd, namespace, spec)["spec"] == without_null(spec)
    LanguageAdaptationSpec.model_validate(spec)


def without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_null(v) for k, v in value.items() if v is not None}
    return [without_null(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_every_example_is_accepted_with_its_files_on_s3(crd: Api, namespace: str, file: Path):
    spec = load_resource(file).spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
    create(crd, namespace, on_s3(spec))


def test_the_papers_replication_is_applied_as_a_folder(kubectl: Kubectl, tmp_path: Path):
    preset = load_preset("paper")
    search = searched(preset, preset.arms)
    write_resources(search, tmp_path)
    said = kubectl("apply", "-f", str(tmp_path)).splitlines()
    assert len(said) == len(search) and all(line.endswith(" created") for line in said), said
    runs = [preset.run(arm, language, 0, 7e-4) for arm in preset.arms for language in ("ar", "sw")]
    write_resources(runs, tmp_path / "runs")
    said = kubectl("apply", "-f", str(tmp_path / "runs")).splitlines()
    assert len(said) == len(runs) and all(line.endswith(" created") for line in said), said


def test_the_largest_resource_is_within_the_cost_limits(crd: Api, namespace: str):
    uri = "s3://bucket/".ljust(2048, "x")
    uris = {"train": uri, "dev": uri, "test": uri, "sourceTest": uri}
    gate = {"metric": "accuracy", "min": 1}
    tasks = [task(f"{i:x<40}", gate=gate, **uris) for i in range(32)]
    create(crd, namespace, spec_of(tasks=tasks))


def test_the_language_is_immutable_and_all_else_may_change(crd: Api, namespace: str):
    create(crd, namespace, spec_of())
    place = path(namespace, "swahili")
    with pytest.raises(ApiError, match="language is immutable: make another") as refused:
        crd.merge(place, {"spec": {"language": "yo"}})
    assert "spec.language: Forbidden" in refused.value.message
    changes = {"base": {"uri": "s3://bucket/other/"}, "seed": 1, "suspend": True, "store": None}
    assert crd.merge(place, {"spec": changes})["metadata"]["generation"] == 2


def test_an_update_that_changes_nothing_changes_nothing(kubectl: Kubectl, crd: Api, namespace: str):
    given = resource(SHAPES["every format"])
    assert "created" in kubectl("apply", "-f", "-", given=given)
    first = crd.get(path(namespace, "swahili"))
    assert "unchanged" in kubectl("apply", "-f", "-", given=given)
    # The first update stores the status that creation only showed; the next one has nothing to do.
    second = crd.request("PUT", path(namespace, "swahili"), first)
    assert (second["spec"], second["status"]) == (first["spec"], first["status"])
    assert second["metadata"]["generation"] == first["metadata"]["generation"]
    assert crd.request("PUT", path(namespace, "swahili"), second) == second


def test_two_managers_can_own_a_task_each(crd: Api, namespace: str):
    place = path(namespace, "swahili")
    crd.apply(place, resource(spec_of(tasks=[task("a")])), "one")
    both = crd.apply(place, resource({"tasks": on_s3({"_": [task("b")]})["_"]}), "two")
    assert [one["name"] for one in both["spec"]["tasks"]] == ["a", "b"]
