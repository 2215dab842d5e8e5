"""Each alert fires on its series and no other does, as Prometheus itself evaluates them."""

import os
from functools import lru_cache
from typing import Any

import pytest
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from lingraft_operator import metrics
from tests.unit.helm.prometheus import ALERTS, MINUTES, fired
from tools.kube.build import Missing

FOR_EVER = f"x{MINUTES}"
DEPTH, LAG = "lingraft_queue_depth", "lingraft_watch_lag_seconds"
ENDED, WAITED = "lingraft_stage_attempts_ended_total", "lingraft_queue_seconds_bucket"
BROKEN_OFF, REFUSED = "lingraft_reconcile_errors_total", "lingraft_api_errors_total"
TROUBLES = metrics.troubles.name


def of(name: str, values: str, *, release: str = "NAMESPACE", **labels: str) -> dict[str, str]:
    """A series of an operator, and its values."""
    said = "".join(f', {key}="{value}"' for key, value in labels.items())
    return {f'{name}{{namespace="{release}"{said}}}': values}


def trouble(which: str) -> dict[str, str]:
    return of(TROUBLES, "_x9 2" + FOR_EVER, exported_namespace="team-a", trouble=which)


HEALTHY = (
    of(DEPTH, "0 1 0" + f" 0{FOR_EVER}")
    | of(LAG, "0 2" + f" 0{FOR_EVER}")
    | of(ENDED, "0+1" + FOR_EVER, stage="embed", outcome="Succeeded")
    | of(ENDED, "0+1" + FOR_EVER, stage="embed", outcome="user")
    # A spot node or two.
    | of(ENDED, f"0 0 1 2 2{FOR_EVER}", stage="embed", outcome="infrastructure")
    | of(BROKEN_OFF, "0+2" + FOR_EVER, reason="conflict")
    | of(BROKEN_OFF, "0" + FOR_EVER, reason="unexpected")
    | of(REFUSED, "0+1" + FOR_EVER, verb="post", kind="rayjobs", code="500")
    | {
        k: v
        for le in ("0.5", "30", "60", "+Inf")
        for k, v in of(WAITED, "0+10" + FOR_EVER, le=le).items()
    }
    # Trouble that is over before anybody need come, and another release's.
    | of(TROUBLES, "1x5", exported_namespace="a", trouble="StoreUnavailable")
    | of(TROUBLES, "1" + FOR_EVER, release="other", exported_namespace="a", trouble="SetAside")
)
BROKEN = {
    "LingraftAbsent": of(DEPTH, f"0x20 _x{MINUTES}"),
    "LingraftWaitsForEdit": trouble("WaitsForEdit"),
    "LingraftWaitsForOthers": trouble("WaitsForOthers"),
    "LingraftSetAside": trouble("SetAside"),
    "LingraftStoreUnavailable": trouble("StoreUnavailable"),
    "LingraftStatusNotWritten": trouble("StatusNotWritten"),
    "LingraftRefreshFails": trouble("RefreshFails"),
    "LingraftBudgetExceeded": trouble("BudgetExceeded"),
    "LingraftStagesFail": of(ENDED, f"0x30 1+1x7 8{FOR_EVER}", stage="embed", outcome="resource"),
    # A counter that is there from its first event on.
    "LingraftForbidden": of(REFUSED, f"_x30 1{FOR_EVER}",
                            verb="post", kind="rayjobs", code="403"),
    "LingraftBroken": of(BROKEN_OFF, f"0x30 1{FOR_EVER}",
                         reason="unexpected"),
    "LingraftSlow": of(WAITED, "0" + FOR_EVER, le="0.5")
    | of(WAITED, "0+1" + FOR_EVER, le="30"),
    "LingraftWatchLags": of(LAG, f"0x9 60+60x3 0{FOR_EVER}"),
}  # fmt: skip
"""What makes each alert fire, over the healthy series."""
WAITS = {"LingraftAbsent": 20, "LingraftRefreshFails": 60, "LingraftSlow": 15}
"""Minutes that a trouble lasts before anybody is called, at least."""


@lru_cache
def answers() -> dict[str, list[dict[str, Any]]]:
    cases = {"": HEALTHY} | {name: HEALTHY | series for name, series in BROKEN.items()}
    series = [[f"{one} {values}" for one, values in case.items()] for case in cases.values()]
    try:
        return dict(zip(cases, fired(series), strict=True))
    except Missing as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))


def test_nobody_is_called_while_all_is_well() -> None:
    assert answers()[""] == []


@pytest.mark.parametrize("name", [alert["alert"] for alert in ALERTS])
def test_an_alert_fires_on_its_series_and_no_other_does(name: str) -> None:
    found = answers()[name]
    assert {one["alert"] for one in found} == {name}
    for one in found:
        assert one["minute"] >= WAITS.get(name, 1)
        said = one["annotations"]["summary"] + one["annotations"]["description"]
        assert "error expanding" not in said and "<no value>" not in said and "{{" not in said


def test_a_trouble_is_told_by_namespace_and_number() -> None:
    (found,) = answers()["LingraftSetAside"]
    assert found["annotations"]["summary"] == "2 resources of team-a killed the operator"


def test_the_series_are_those_that_the_operator_exports() -> None:
    known = {metrics.troubles.name: set(metrics.troubles.labels)}
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            for name in REGISTRY._collector_to_names[metric]:
                bucket = {"le"} if name.endswith("_bucket") else set[str]()
                known[name] = set(metric._labelnames) | bucket
    for one in {one for series in (HEALTHY, *BROKEN.values()) for one in series}:
        name, _, rest = one.rstrip("}").partition("{")
        labels = {part.split("=")[0].strip() for part in rest.split(",")}
        own = {"namespace"} if "exported_namespace" in labels else set[str]()
        assert labels - {"namespace", "exported_namespace"} | own == known[name], one
