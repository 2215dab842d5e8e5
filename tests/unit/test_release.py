"""A release is of one version, and its workflow runs commands that are there."""

import re
import subprocess
from typing import Any

import pytest
import yaml

from lingraft import __version__
from tools.chart import ROOT
from tools.release import PLACES, faults

WORKFLOW = ROOT / ".github" / "workflows" / "release.yaml"
RIGHT = {
    "lingraft/__init__.py": '__version__ = "1.2.3"\n',
    "helm/lingraft/Chart.yaml": "version: 1.2.3\nappVersion: 1.2.3\n",
    "helm/lingraft/Chart.yaml appVersion": "version: 1.2.3\nappVersion: 1.2.3\n",
    "CHANGELOG.md": "# Changelog\n\n## 1.2.3 — 2027-01-31\n\n## 1.2.2 — 2026-12-31\n",
}


def workflow() -> dict[Any, Any]:
    return yaml.safe_load(WORKFLOW.read_text())


def test_one_version_everywhere_is_a_release() -> None:
    assert faults("v1.2.3", RIGHT) == []
    assert faults("1.2.3", RIGHT) == ["1.2.3 is no version: give a tag such as v1.2.3"]
    assert len(faults("v1.2.4", RIGHT)) == len(PLACES)


@pytest.mark.parametrize("place", PLACES)
def test_each_place_is_looked_at(place: str) -> None:
    (said,) = faults("v1.2.3", RIGHT | {place: RIGHT[place].replace("1.2.3", "1.2.4")})
    assert said.startswith(place) and "1.2.4" in said
    (said,) = faults("v1.2.3", RIGHT | {place: ""})
    assert "no dated version" in said


def test_this_tree_lacks_nothing_but_a_date() -> None:
    texts = {place: (ROOT / place.split()[0]).read_text() for place in PLACES}
    assert [one for one in faults(f"v{__version__}", texts) if "CHANGELOG" not in one] == []
    assert "## Unreleased" in texts["CHANGELOG.md"] or faults(f"v{__version__}", texts) == []


def test_actions_are_pinned_and_nothing_is_written_but_by_right() -> None:
    found = workflow()
    assert found["permissions"] == {"contents": "read"}
    for job in found["jobs"].values():
        assert job["timeout-minutes"] <= 120
        for step in job["steps"]:
            if "uses" in step:
                assert re.fullmatch(r"actions/checkout@[0-9a-f]{40}", step["uses"])
                assert step["with"] == {"persist-credentials": False}


def test_steps_are_shell_that_asks_for_what_is_there() -> None:
    make = (ROOT / "Makefile").read_text()
    stages = re.findall(r"^FROM \S+ AS (\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    found = workflow()["jobs"]
    assert set(found["image"]["strategy"]["matrix"]["target"]) <= set(stages)
    for job in found.values():
        for step in job["steps"]:
            script = step.get("run", "")
            subprocess.run(["bash", "-n"], input=script, text=True, check=True)
            assert "${{" not in script, "values come by the environment, not into the shell"
            for targets in re.findall(r"^make (.*)$", script, re.MULTILINE):
                for target in targets.split():
                    assert re.search(rf"^{target}:", make, re.MULTILINE), target
            for path in re.findall(r"(?:tools|helm|examples)/[\w./]+", script):
                assert (ROOT / path).exists(), path
