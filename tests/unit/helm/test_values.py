"""The chart's values without helm; tests/cluster/test_chart.py renders them with it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from lingraft_operator.config import Config
from tools.chart import CHART, COMPUTED, generated, values_schema

TEXT = (CHART / "values.yaml").read_text()
VALUES: dict[str, Any] = yaml.safe_load(TEXT)
EXAMPLES = re.findall(r"(?:^#     .*\n)+", TEXT, re.M)
"""Blocks of YAML in the comments."""
CHART_ONLY = {"image", "operator", "serviceAccount", "crds", "userRoles", "networkPolicy"}
CHART_ONLY |= {"metrics", "test", "hubMirror", "allowShrinking", "enabled", "global"}
FREE = {"/operator/resources", "/operator/affinity", "/test/spec", "/global"} | {
    f"/pools/{pool}/podTemplate/spec/{field}"
    for pool in ("small", "large")
    for field in ("affinity", "dnsConfig", "securityContext")
}
"""Objects whose fields the chart does not name."""


def test_generated_files_are_fresh() -> None:
    files = generated()
    stale = [path.name for path, content in files.items() if path.read_bytes() != content]
    assert not stale, "run `python tools/chart.py`"
    crds = {path for path in files if path.parent.name == "crds"}
    assert crds
    assert set((CHART / "files" / "crds").iterdir()) == crds


def test_every_setting_of_the_operator_stands_in_values() -> None:
    settings = {field.alias for field in Config.model_fields.values()}
    assert settings - COMPUTED == VALUES.keys() - CHART_ONLY


def test_values_say_the_defaults_of_the_operator() -> None:
    own = {name: value for name, value in VALUES.items() if name not in CHART_ONLY}
    config = Config.model_validate(own | {"trainerImage": "lingraft/trainer:0"})
    bare = Config(trainer_image="lingraft/trainer:0")
    assert config.model_dump(exclude={"pools"}) == bare.model_dump(exclude={"pools"})


def test_what_a_cluster_may_lack_is_off() -> None:
    assert not VALUES["networkPolicy"]["enabled"] and not VALUES["test"]["enabled"]
    assert not VALUES["networkPolicy"]["rayNamespaces"]
    assert not any(part["enabled"] for part in VALUES["metrics"].values())


def test_no_namespace_may_use_any_uri_unless_listed() -> None:
    assert VALUES["access"] == []


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda text: text.split()[1])
def test_examples_in_comments_are_right(text: str) -> None:
    example = yaml.safe_load(text.replace("#     ", ""))
    config = Config.model_validate(example | {"trainerImage": "lingraft/trainer:0"})
    assert example.keys() == {
        Config.model_fields[name].alias for name in config.model_fields_set - {"trainer_image"}
    }


def test_schema_describes_every_field_and_allows_no_other() -> None:
    fields = dict(_fields(values_schema()))
    assert "/pools/small/tolerations[]/tolerationSeconds" in fields
    assert [path for path, field in fields.items() if not field.get("description")] == []
    objects = {path: field for path, field in fields.items() if "properties" in field}
    assert [p for p, field in objects.items() if field["additionalProperties"] is not False] == [
        "/global"  # others' too
    ]
    untyped = {p for p, field in fields.items() if field.get("additionalProperties") is True}
    assert untyped == FREE


def _fields(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, field in schema.get("properties", {}).items():
        yield f"{path}/{name}", field
        yield from _fields(field, f"{path}/{name}")
    if "items" in schema:
        yield from _fields(schema["items"], f"{path}[]")
