"""Prometheus' own rules and PromQL, over recorded series."""

import json
import subprocess
from collections.abc import Sequence
from typing import Any

import yaml

from tools.alerts.build import PROGRAM
from tools.chart import CHART

MINUTES = 150
ALERTS: list[dict[str, Any]] = yaml.safe_load((CHART / "files" / "alerts.yaml").read_text())


def fired(cases: Sequence[Sequence[str]]) -> list[list[dict[str, Any]]]:
    """For each case what fires in two and a half hours: alert, minute, labels, annotations.

    Args:
        cases: Series, as promtool has them: a selector, then values a minute apart.

    Raises:
        Missing: The program is not built.
    """
    rules = yaml.safe_dump({"groups": [{"name": "lingraft", "rules": ALERTS}]})
    asked = {"rules": rules, "minutes": MINUTES, "cases": cases}
    done = subprocess.run(
        [PROGRAM.find()], input=json.dumps(asked), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
