"""Alerts and dashboard name metrics that the operator has, by labels that these have."""

import json
from collections.abc import Iterator
from typing import Any, get_args

import promql_parser
import pytest
import yaml
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from lingraft.errors import FailureClass
from lingraft_operator import metrics
from tools.chart import CHART

ALERTS = yaml.safe_load((CHART / "files" / "alerts.yaml").read_text())
DASHBOARD = json.loads((CHART / "files" / "dashboard.json").read_text())
SCRAPED = {"namespace", "pod", "job"}
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


def series() -> dict[str, set[str]]:
    """Every series of ours with its labels, as Prometheus sees them."""
    found: dict[str, set[str]] = {}
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            labels = set(metric._labelnames)
            for name in REGISTRY._collector_to_names[metric]:
                found[name] = labels | ({"le"} if name.endswith("_bucket") else set())
    return found


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
    assert ours and not unseen


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
