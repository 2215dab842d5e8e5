"""What GitOps tools make of every recorded status: by Lua, by CEL, by the real programs."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.gitops.judges import DOCS, LUA, argo, flux, real
from tools.kube.build import Missing

STATUSES = Path(__file__).parent / "statuses"
# State: phase, Argo CD, kstatus and Flux; of two words the second is Flux's.
VERDICTS = {
    "created": (None, "Progressing", "InProgress"),
    "store-unavailable": ("Pending", "Progressing", "InProgress"),
    "waiting-for-capacity": ("Running", "Progressing", "InProgress"),
    "running": ("Running", "Progressing", "InProgress"),
    "retrying": ("Running", "Progressing", "InProgress"),
    "ready": ("Ready", "Healthy", "Current"),
    "refreshing": ("Ready", "Healthy", "Current"),
    "budget-exceeded": ("Stalled", "Degraded", "Failed"),
    "invalid-spec": ("Stalled", "Degraded", "Failed"),
    "access-denied": ("Stalled", "Degraded", "Failed"),
    "input-unavailable": ("Stalled", "Degraded", "Failed"),
    "user-error": ("Stalled", "Degraded", "Failed"),
    "quality-gate-failed": ("Stalled", "Degraded", "Failed"),
    # kstatus has no word for it: a wait ends by its timeout.
    "suspended": ("Suspended", "Suspended", "InProgress"),
    "edited-when-ready": ("Ready", "Progressing", "InProgress"),
    "edited-when-stalled": ("Stalled", "Progressing", "InProgress"),
    "deleting": ("Ready", "Progressing", "Terminating InProgress"),
}


def recorded(state: str) -> dict[str, Any]:
    return yaml.safe_load((STATUSES / f"{state}.yaml").read_text())


def test_every_recorded_status_has_a_verdict() -> None:
    assert {file.stem for file in STATUSES.glob("*.yaml")} == VERDICTS.keys()


@pytest.mark.parametrize("state", VERDICTS)
def test_argo_cd_and_flux_judge_as_the_phase_says(state: str) -> None:
    phase, health, words = VERDICTS[state]
    body = recorded(state)
    assert body.get("status", {}).get("phase") == phase
    assert argo(body)[0] == health
    assert flux(body) == words.split()[-1]


def test_the_real_kstatus_and_the_real_flux_say_the_same() -> None:
    try:
        found = real([recorded(state) for state in VERDICTS])
    except Missing as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    wanted = [words.split() for *_, words in VERDICTS.values()]
    assert dict(zip(VERDICTS, found, strict=True)) == {
        state: {"kstatus": words[0], "flux": words[-1]}
        for state, words in zip(VERDICTS, wanted, strict=True)
    }


def test_argo_cd_tells_why_in_words() -> None:
    assert argo(recorded("access-denied"))[1].startswith("AccessDenied: ")
    assert "row 7 is not text" in argo(recorded("user-error"))[1]
    assert argo(recorded("edited-when-ready"))[1].startswith("Waiting for the operator")


def test_a_verdict_says_whether_it_waits_for_an_edit() -> None:
    heal = {"access-denied", "input-unavailable", "edited-when-stalled"}
    assert heal == {s for s in VERDICTS if recorded(s).get("status", {}).get("heals")}


def test_argo_cd_waits_while_there_is_no_status_at_all() -> None:
    body = recorded("created")
    body.pop("status", None)
    assert argo(body)[0] == "Progressing"


def test_the_script_in_argocd_cm_is_the_one_that_is_tested() -> None:
    config_map = yaml.safe_load((DOCS / "argocd-cm.yaml").read_text())
    key = "resource.customizations.health.lingraft.dev_LanguageAdaptation"
    assert config_map["data"] == {key: LUA.read_text()}
