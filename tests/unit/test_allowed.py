"""What an admin leaves to tenants, and what is said of a resource that wants more."""

from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import ValidationError

from lingraft.allowed import PoolField, load_rules, not_allowed, tenant_of
from lingraft.errors import UserError
from lingraft.files import dotted
from lingraft.pools import Pool
from lingraft.resource import LanguageAdaptationSpec
from lingraft_operator.config import Config

SPEC = {
    "language": "sw",
    "base": {"uri": "s3://models/base/"},
    "corpus": {"uri": "s3://corpora/sw/"},
}
MOST = {"workers": 4, "gpus": 1, "cpu": "8", "memory": "64Gi", "scratchSize": "100Gi"}


def config(**fields: Any) -> Config:
    return Config.model_validate({"trainerImage": "trainer:1"} | fields)


def said(rules: Any, namespace: str = "models", **fields: Any) -> dict[str, str]:
    spec = LanguageAdaptationSpec.model_validate(SPEC | fields)
    return {dotted(where): error.message for where, error in not_allowed(spec, namespace, rules)}


def test_by_default_everything_is_left_to_resources() -> None:
    pools = {"large": {"workers": 999, "env": [{"name": "A"}], "serviceAccountName": "x"}}
    assert said(config(), pools=pools, queue="any") == {}


@pytest.mark.parametrize(
    "name",
    ["cpu", "memory", "ephemeral-storage", "hugepages-2Mi", "pods", "gpu", "a/", "/a", "a/b/c"],
)
def test_what_a_pool_has_limits_for_is_no_gpu(name: str) -> None:
    pools = {"large": {"gpus": 16, "gpuResource": name}}
    for kind, given in ((LanguageAdaptationSpec, SPEC), (Config, {"trainerImage": "trainer:1"})):
        with pytest.raises(ValidationError, match="gpuResource"):
            kind.model_validate(given | {"pools": pools})


def test_every_field_of_a_pool_may_be_closed() -> None:
    assert set(get_args(PoolField)) == {field.alias for field in Pool.model_fields.values()}


def test_what_is_not_overridable_is_refused_by_its_name_and_the_rest_is_not() -> None:
    rules = config(pools={"small": {"overridable": ["workers"]}, "large": {"overridable": []}})
    pools = {"small": {"workers": 9, "env": []}, "large": {"priorityClassName": "high"}}
    assert said(rules, pools=pools) == {
        "spec.pools.small.env": "is not for resources to set (in this pool: workers): leave it out",
        "spec.pools.large.priorityClassName": "is not for resources to set (in this pool: no "
        "field): leave it out",
    }


@pytest.mark.parametrize(
    ("field", "fits", "beyond"),
    [
        ("workers", 4, 5),
        ("gpus", 1, 2),
        ("cpu", "8000m", "8001m"),
        ("memory", "65536Mi", "65537Mi"),
        ("memory", "68G", "69G"),
        ("scratchSize", "0.09Ti", "0.1Ti"),
    ],
)
def test_the_most_is_the_most_however_it_is_written(field: str, fits: Any, beyond: Any) -> None:
    rules = config(pools={"large": {"max": MOST}})
    assert said(rules, pools={"large": {field: fits}}) == {}
    assert said(rules, pools={"small": {field: beyond}}) == {}
    assert said(rules, pools={"large": {field: beyond}}) == {
        f"spec.pools.large.{field}": f"is {beyond}; at most {MOST[field]} may be asked for"
    }
    if field in ("cpu", "memory", "scratchSize"):
        found = said(rules, pools={"large": {"head": {field: beyond}}})
        assert list(found) == [f"spec.pools.large.head.{field}"], "heads cost as much"


def test_the_chart_s_own_pool_may_be_larger_than_what_resources_may_ask_for() -> None:
    assert said(config(pools={"large": {"workers": 9, "max": {"workers": 4}}})) == {}


def test_queues_classes_and_accounts_by_namespace() -> None:
    rules = config(
        tenants=[
            {"namespace": "models", "queue": "team", "queueRequired": True},
            {"namespace": "*", "priorityClasses": ["batch"], "serviceAccounts": []},
        ]
    )
    pools = {"small": {"priorityClassName": "high", "serviceAccountName": "admin"}}
    assert said(rules, queue="team", pools=pools) == {}
    assert said(rules, queue="other") == {
        "spec.queue": "is other, and resources of namespace models go through team: leave it out"
    }
    assert said(rules, "else", queue="other", pools=pools) == {
        "spec.pools.small.priorityClassName": "is high; resources of this namespace may name one "
        "of batch",
        "spec.pools.small.serviceAccountName": "is admin; resources of this namespace may name "
        "none",
    }
    assert tenant_of("models", rules).queue == "team"
    assert tenant_of("else", rules).queue is None
    with pytest.raises(ValueError, match="queueRequired needs queue"):
        config(tenants=[{"namespace": "*", "queueRequired": True}])


def test_the_command_line_reads_them_from_the_operator_s_own_file(tmp_path: Path) -> None:
    settings = config(
        access=[{"namespace": "*", "prefixes": ["s3://a/"]}],
        pools={"large": {"max": {"workers": 1}, "overridable": ["workers"], "gpus": 3}},
        tenants=[{"namespace": "*", "queue": "all"}],
    )
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(settings.model_dump(mode="json", by_alias=True)))
    rules = load_rules(file)
    assert tenant_of("models", rules).queue == "all"
    assert list(said(rules, pools={"large": {"workers": 2}})) == ["spec.pools.large.workers"]
    for content in ("[", "- a", "pools: 3", "pools: {large: {overridable: [nothing]}}"):
        file.write_text(content)
        with pytest.raises(UserError, match="no settings of the operator"):
            load_rules(file)
