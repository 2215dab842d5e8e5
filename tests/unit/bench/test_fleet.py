"""What make bench-operator measures can be planned: else it would wait for an hour in vain."""

from pathlib import Path

import pytest

from bench.fleet_inputs import name_of, spec_of, upload
from lingraft.planning import plan_resource
from lingraft.resource import API_VERSION, KIND, LanguageAdaptation


@pytest.mark.parametrize(
    ("mini", "kinds"),
    [
        (False, ["corpus", "embed", "graft"]),
        (True, ["corpus", "embed", "finetune", "graft", "mini"]),
    ],
)
def test_its_resources_are_planned(mini: bool, kinds: list[str], tmp_path: Path) -> None:
    root = f"{tmp_path.as_uri()}/"
    upload(root, 1)
    spec = spec_of(root, name_of(0), mini=mini)
    body = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name_of(0)}, "spec": spec}
    plan = plan_resource(LanguageAdaptation.model_validate(body))
    assert sorted({one.stage.kind for one in plan.stages}) == kinds
