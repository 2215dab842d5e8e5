"""The CRD: generated, fresh, structural, told in words, and of one mind with the models."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from pydantic import ValidationError

from lingraft.crd import custom_resource_definition, to_yaml
from lingraft.crd.rules import RULES, Rule
from lingraft.resource import LanguageAdaptation, LanguageAdaptationSpec
from lingraft.resource.formats import FORMATS
from lingraft.status import LanguageAdaptationStatus
from tests.support.examples import EXAMPLES
from tests.support.objects import disturbed, objects
from tests.support.refusals import REFUSALS, Changes
from tests.support.specs import spec_of
from tests.support.structural import faults, faults_of_schema, nodes

ROOT = Path(__file__).parents[2]
FILE = ROOT / "crds" / "lingraft.dev_languageadaptations.yaml"
(VERSION,) = custom_resource_definition()["spec"]["versions"]
SCHEMA = VERSION["schema"]["openAPIV3Schema"]
SPEC, STATUS = SCHEMA["properties"]["spec"], SCHEMA["properties"]["status"]
# Big examples: what is slow is making them.
BIG = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def test_the_file_is_fresh():
    assert FILE.read_text() == to_yaml(), f"run: lingraft crd > crds/{FILE.name}"


def test_the_command_prints_the_file():
    code = "from lingraft.cli import main; main(['crd'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == to_yaml()
    assert yaml.safe_load(done.stdout) == custom_resource_definition()


def test_kubectl_delete_all_leaves_it():
    names = custom_resource_definition()["spec"]["names"]
    assert "all" not in names.get("categories", [])


def test_the_schema_is_structural():
    status = {key: value for key, value in STATUS.items() if key != "default"}
    assert faults_of_schema(SCHEMA | {"properties": {"spec": SPEC, "status": status}}) == []


def test_only_the_status_has_a_default_so_that_nobody_takes_a_new_object_for_ready():
    assert STATUS["default"] == {"observedGeneration": 0}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"anyOf": [{"type": "string"}]}}},
        {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}},
        {"type": "object", "properties": {}, "additionalProperties": {"type": "string"}},
        {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["b"]},
        {"type": "number", "exclusiveMinimum": 0},
        {"type": "integer", "default": 1},
        {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "map"},
        {"type": "object", "properties": {}, "x-kubernetes-validations": [{"fieldPath": ".a"}]},
    ],
)
def test_what_the_api_server_refuses_is_found(schema: dict[str, Any]):
    assert faults_of_schema(schema)


def test_every_field_and_object_is_described():
    undescribed = [
        path
        for path, node in nodes(SCHEMA)
        if not node.get("description", "").endswith(".")
        and path != ".metadata"  # Kubernetes describes that
        and not (path.endswith("[]") and node["type"] == "string")
    ]
    assert undescribed == []


def test_descriptions_tell_the_defaults_which_the_api_server_must_not_write():
    by_path = dict(nodes(SPEC))
    assert by_path[".mini.steps"]["description"].endswith("parameter that trains.")
    assert by_path[".embeddings.weightDecay"]["description"].endswith("Default: 0.01.")
    assert by_path[".embeddings.init"]["description"].endswith("Default: overlap.")
    assert by_path[".suspend"]["description"].endswith("Default: false.")
    assert all("default" not in node for node in by_path.values())
    assert all(text.count("Default:") <= 1 for text in _descriptions(SPEC))
    assert all("Default:" not in text for text in _descriptions(STATUS))


def _descriptions(schema: dict[str, Any]) -> list[str]:
    return [node.get("description", "") for _, node in nodes(schema)]


def test_every_number_a_user_writes_has_bounds():
    numbers = [(p, n) for p, n in nodes(SPEC) if n["type"] in ("integer", "number")]
    assert len(numbers) > 40
    assert [path for path, node in numbers if "minimum" not in node] == []
    unbounded = [path for path, node in numbers if "maximum" not in node]
    assert {path.rsplit(".")[-1] for path in unbounded} <= {
        "flops",
        "microBatchTokens",
        "perHour",
        "tolerationSeconds",
    }


def test_lists_are_merged_by_name_or_replaced_as_a_whole():
    lists = {path: node for path, node in nodes(SCHEMA) if node["type"] == "array"}
    keys = {path: node.get("x-kubernetes-list-map-keys") for path, node in lists.items()}
    merged = {path: key for path, key in keys.items() if key}
    assert merged == {".spec.tasks": ["name"], ".status.conditions": ["type"]}
    by_path = dict(nodes(SCHEMA))
    assert by_path[".status.plan"]["x-kubernetes-map-type"] == "atomic"
    assert by_path[".status.artifacts.taskModels"]["x-kubernetes-map-type"] == "atomic"


def test_exactly_the_uris_must_be_on_s3():
    rule = "self.matches('^s3://"
    found = {
        path.rsplit(".", 1)[1]
        for path, node in nodes(SPEC)
        if any(one["rule"].startswith(rule) for one in node.get("x-kubernetes-validations", ()))
    }
    assert found == {"uri", "train", "dev", "test", "sourceTest"}


def test_rules_name_columns_that_there_are():
    named = {name for one in FORMATS.values() for name in one.columns}
    assert named <= dict(nodes(SPEC))[".tasks[].columns"]["properties"].keys()


def test_the_columns_of_kubectl_get():
    columns = VERSION["additionalPrinterColumns"]
    assert [one["name"] for one in columns if "priority" not in one] == [
        *("Language", "Base", "Method", "Phase", "Progress", "Compute", "Ready", "Age"),
    ]


def test_every_rule_has_a_spec_that_it_refuses():
    said = " ".join(sentence for _, sentence, _ in REFUSALS)
    for rules in RULES.values():
        for rule in rules:
            if "oldSelf" not in rule.cel:
                assert _constant_part(rule) in said, rule


def _constant_part(rule: Rule) -> str:
    """A piece of its message that names no value."""
    return rule.expression.split("'")[1] if rule.expression else rule.message


@pytest.mark.parametrize(("field", "sentence", "changes"), REFUSALS)
def test_the_models_say_the_same_sentences(field: str, sentence: str, changes: Changes):
    with pytest.raises(ValidationError) as refused:
        spec_of(**changes)
    assert sentence in str(refused.value)


@BIG
@given(spec=objects(LanguageAdaptationSpec))
def test_what_the_models_accept_the_schema_accepts(spec: dict[str, Any]):
    parsed = LanguageAdaptationSpec.model_validate(spec)
    assert faults(spec, SPEC) == []
    # All defaults written out are accepted too, and so is what a program dumps.
    assert faults(parsed.model_dump(mode="json", by_alias=True), SPEC) == []


@BIG
@given(spec=disturbed(LanguageAdaptationSpec))
def test_what_the_schema_accepts_the_models_can_read(spec: dict[str, Any]):
    """Rules between fields aside: of CEL a real API server speaks, in tests/cluster."""
    if faults(spec, SPEC) == []:
        assert mistakes(spec) <= {"value_error"}


def mistakes(spec: dict[str, Any]) -> set[str]:
    """The kinds of mistakes that pydantic sees."""
    try:
        LanguageAdaptationSpec.model_validate(spec)
    except ValidationError as error:
        return {one["type"] for one in error.errors()}
    return set()


def test_unknown_fields_are_refused_by_both():
    spec = spec_of().model_dump(mode="json", by_alias=True) | {"corpora": 1}
    assert faults(spec, SPEC) == [".corpora: unknown field"]
    with pytest.raises(ValidationError, match="Extra inputs"):
        LanguageAdaptationSpec.model_validate(spec)


@BIG
@given(written=objects(LanguageAdaptationStatus))
def test_every_status_that_the_operator_can_write_is_accepted_and_read_back(
    written: dict[str, Any],
):
    status = LanguageAdaptationStatus.model_validate(written)
    stored = json.loads(json.dumps(status.to_json(), allow_nan=False))
    assert faults(stored, STATUS) == []
    assert LanguageAdaptationStatus.model_validate(stored).to_json() == stored


def test_the_examples_fit_the_schema():
    for file in EXAMPLES:
        resource = yaml.safe_load(file.read_text())
        LanguageAdaptation.model_validate(resource)
        assert faults(resource["spec"], SPEC) == [], file
