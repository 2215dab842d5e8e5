"""Alerts and dashboard name metrics that the operator has, by labels that these have."""

import json
import re
import sys
from collections.abc import Iterator
from itertools import product
from types import ModuleType, SimpleNamespace
from typing import Any, cast, get_args

import promql_parser
import pytest
import yaml
from prometheus_client import REGISTRY, Counter
from prometheus_client.metrics import MetricWrapperBase

from lingraft.errors import FailureClass
from lingraft.stage import Stage, StageKind
from lingraft_operator import metrics
from lingraft_operator.watches.troubles import TROUBLES
from lingraft_trainer.machine.gauges import Gauges
from tools.chart import CHART, ROOT

ALERTS = yaml.safe_load((CHART / "files" / "alerts.yaml").read_text())
DASHBOARD = json.loads((CHART / "files" / "dashboard.json").read_text())
SCRAPED = {"namespace", "pod", "job", "exported_namespace"}
"""The last one is a metric's own `namespace`, where the target has one."""
"""Labels that Prometheus adds when it scrapes."""


def expressions() -> Iterator[tuple[str, str]]:
    for alert in ALERTS:
        yield alert["alert"], alert["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"]


EXPRESSIONS = list(expressions())
NAMES = [name for name, _ in EXPRESSIONS]
EACH = pytest.mark.parametrize(
    ("where", "expression"), EXPRESSIONS, ids=[n for n, _ in EXPRESSIONS]
)


def trained() -> dict[str, set[str]]:
    """The trainer's series with their labels, as Ray exports them."""
    found: dict[str, set[str]] = {}

    class Gauge:
        def __init__(self, name: str, description: str, tag_keys: tuple[str, ...]) -> None:
            found[f"ray_{name}"] = set(tag_keys)

        def set_default_tags(self, tags: dict[str, str]) -> None: ...

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(
            sys.modules, "ray.util.metrics", cast(ModuleType, SimpleNamespace(Gauge=Gauge))
        )
        Gauges(cast(Stage, SimpleNamespace(kind="embed", digest="sha256")))
    return found


TRAINED = trained()


def series() -> dict[str, set[str]]:
    """Every series of ours with its labels, as Prometheus sees them."""
    found = dict(TRAINED)
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            labels = set(metric._labelnames)
            for name in REGISTRY._collector_to_names[metric]:
                found[name] = labels | ({"le"} if name.endswith("_bucket") else set())
    return found | {metrics.troubles.name: set(metrics.troubles.labels)}


def nodes(node: Any) -> Iterator[Any]:
    """An expression and all that it is made of."""
    yield node
    for name in ("lhs", "rhs", "expr", "vector_selector"):
        if (part := getattr(node, name, None)) is not None:
            yield from nodes(part)
    for argument in getattr(node, "args", ()):
        yield from nodes(argument)


def selectors(expression: Any) -> list[promql_parser.VectorSelector]:
    return [one for one in nodes(expression) if isinstance(one, promql_parser.VectorSelector)]


@EACH
def test_an_expression_asks_for_series_that_exist(where: str, expression: str) -> None:
    known = series()
    found = selectors(promql_parser.parse(expression))
    assert found
    for selector in found:
        assert selector.name in known
        asked = {matcher.name for matcher in selector.matchers.matchers}
        if selector.name not in TRAINED:  # which are of the tenants' namespaces
            assert "namespace" in asked, "or the operators of two releases were added up"
        assert asked - SCRAPED <= known[selector.name]


@EACH
def test_an_expression_groups_by_labels_that_exist(where: str, expression: str) -> None:
    known = series()
    for node in nodes(promql_parser.parse(expression)):
        if isinstance(node, promql_parser.AggregateExpr) and node.modifier:
            for selector in selectors(node):
                assert set(node.modifier.labels) <= known[selector.name or ""] | SCRAPED


def test_a_value_of_a_label_is_one_that_the_operator_writes() -> None:
    written = {
        "phase": set(metrics.PHASES),
        "outcome": set(get_args(FailureClass)),
        "reason": {"unexpected"},  # of queue.py
        "code": {"403"},
        "trouble": set(TROUBLES),
        "namespace": {"NAMESPACE", "$namespace"},
    }
    for _, expression in EXPRESSIONS:
        for selector in selectors(promql_parser.parse(expression)):
            for matcher in selector.matchers.matchers:
                assert set(matcher.value.split("|")) <= written[matcher.name]


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {
        selector.name
        for panel in DASHBOARD["panels"]
        for target in panel["targets"]
        for selector in selectors(promql_parser.parse(target["expr"]))
    }
    ours = [m for m in vars(metrics).values() if isinstance(m, MetricWrapperBase)]
    unseen = [m for m in ours if not shown & set(REGISTRY._collector_to_names[m])]
    assert ours and not unseen and metrics.troubles.name in shown
    assert TRAINED and TRAINED.keys() <= shown


def from_zero(selector: promql_parser.VectorSelector) -> list[dict[str, str]]:
    """The children that a counter has from the start, of those that the selector asks for."""
    names = {name: metric for metric in vars(metrics).values() if isinstance(metric, Counter)
             for name in REGISTRY._collector_to_names[metric]}  # fmt: skip
    metric = names[selector.name or ""]
    asked = {m.name: m.value.split("|") for m in selector.matchers.matchers}
    children = [dict(zip(metric._labelnames, values, strict=True)) for values in metric._metrics]
    return [one for one in children
            if all(one[name] in asked.get(name, [one[name]]) for name in one)]  # fmt: skip


def test_an_alert_sees_a_first_event() -> None:
    """Either the counter is scraped at 0 before, or the expression counts what began lately."""
    guarded, begun = set[str](), set[str]()
    for alert in ALERTS:
        every = list(nodes(promql_parser.parse(alert["expr"])))
        calls = [n for n in every
                 if isinstance(n, promql_parser.Call) and n.func.name == "increase"]  # fmt: skip
        for call in calls:
            (matrix,) = call.args
            assert isinstance(matrix, promql_parser.MatrixSelector)
            if any(starts(n, call, matrix) for n in every):
                guarded.add(alert["alert"])
            elif from_zero(matrix.vector_selector):
                begun.add(alert["alert"])
    assert guarded == {"LingraftForbidden", "LingraftBroken"}
    assert begun == {"LingraftStagesFail"}


def starts(node: Any, call: promql_parser.Call, matrix: promql_parser.MatrixSelector) -> bool:
    """Whether this is `(x unless x offset TIME) or increase(x[TIME])`, in just this order.

    The other way round increase's 0 would win over a counter that began at 1.
    """
    if not isinstance(node, promql_parser.BinaryExpr) or str(node.op) != "or":
        return False
    if not isinstance(node.lhs, promql_parser.ParenExpr) or str(node.rhs) != str(call):
        return False
    new = node.lhs.expr
    if not isinstance(new, promql_parser.BinaryExpr) or str(new.op) != "unless":
        return False
    plain = str(matrix.vector_selector)
    if not isinstance(new.rhs, promql_parser.VectorSelector):
        return False
    asks = str(new.lhs) == plain and str(new.rhs).startswith(plain)
    return asks and new.rhs.offset == matrix.range


def test_every_way_that_an_attempt_or_a_pass_ends_is_counted_from_zero() -> None:
    counted = {values for values in metrics.attempts_ended._metrics}
    assert counted >= set(product(get_args(StageKind), metrics.OUTCOMES))
    text = "".join(file.read_text() for file in (ROOT / "operator").rglob("*.py"))
    reasons = set(re.findall(r'reconcile_errors\.labels\("(\w+)"', text))
    assert reasons and reasons == {reason for (reason,) in metrics.reconcile_errors._metrics}


def test_an_alert_says_what_is_wrong_and_what_that_means() -> None:
    for alert in ALERTS:
        assert alert["annotations"].keys() == {"summary", "description"}
        assert alert["labels"]["severity"] in ("critical", "warning", "info")
    assert len({alert["alert"] for alert in ALERTS}) == len(ALERTS)


def test_panels_do_not_overlap_and_have_a_data_source() -> None:
    cells = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]} == {"${datasource}"}
