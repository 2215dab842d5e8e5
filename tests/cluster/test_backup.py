"""What docs/install.md says of backups: the commands, as they stand there, bring all of it back."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.cluster.bed.adaptations import Adaptations, conditions_of
from tests.cluster.bed.bed import Bed
from tests.cluster.bed.operator import Operator
from tests.cluster.bed.processes import wait_until
from tests.cluster.test_operator import launches
from tools.chart import ROOT
from tools.kube.build import binary


def documented() -> tuple[str, str]:
    """The command that saves, and the one that restores."""
    text = (ROOT / "docs" / "install.md").read_text()
    (section,) = re.findall(r"## Backup\n(.*?)\n## ", text, re.DOTALL)
    save, restore = re.findall(r"```\n(.*?)```", section, re.DOTALL)
    return save, restore


def shell(bed: Bed, command: str, folder: Path) -> None:
    """Run it as an admin does, with the kubectl of this cluster."""
    environment = {
        "PATH": f"{binary('kubectl').parent}:{os.environ['PATH']}",
        "KUBECONFIG": str(bed.cluster.kubeconfig()),
        "HOME": str(folder),
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


def test_what_was_saved_is_ready_again_and_nothing_is_trained_twice(
    operator_with: Callable[..., Operator], adaptations: Adaptations, bed: Bed, tmp_path: Path
) -> None:
    first = operator_with()
    save, restore = documented()
    words = {"french": "fr", "german": "de"}
    for name, language in words.items():
        adaptations.create(name, language=language)
        adaptations.api.merge(adaptations.path(name), {"metadata": {"labels": {"team": "on"}}})
    before = {name: adaptations.wait(name) for name in words}
    ran = launches(bed, adaptations.namespace)
    assert " -A" in save
    shell(bed, save.replace(" -A", f" -n {adaptations.namespace}"), tmp_path)
    first.stop()
    adaptations.delete_all()
    rayjobs = f"/apis/ray.io/v1/namespaces/{adaptations.namespace}/rayjobs"
    wait_until(lambda: not bed.api.list(adaptations.path()), "all resources are lost")
    wait_until(lambda: not bed.api.list(rayjobs), "and what they owned")

    operator_with()  # of a new cluster: it knows nothing of what was
    shell(bed, restore, tmp_path)
    for name, was in before.items():
        now = adaptations.wait(name)
        assert now["metadata"]["uid"] != was["metadata"]["uid"]
        assert now["spec"] == was["spec"] and now["metadata"]["labels"] == {"team": "on"}
        for part in ("artifacts", "evaluation", "heldout"):
            assert now["status"].get(part) == was["status"].get(part)
        assert all(stage["cached"] for stage in now["status"]["stages"])
        assert conditions_of(now)["Ready"]["reason"] == "Adapted"
    assert launches(bed, adaptations.namespace) == ran
