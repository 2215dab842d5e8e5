"""What two workers send one another, and that bf16 on the wire learns what one bf16 worker does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.support.gradients import GRADIENT, STEPS
from tests.support.stages import import_path

pytestmark = pytest.mark.timeout(300)
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the loop ran; `sent.json` has the bytes."""
    if os.environ.get("CI") != "true" and subprocess.run(["unshare", "-rn", "true"]).returncode:
        pytest.skip("no network namespaces here: others' bytes would be counted too")
    folder = tmp_path_factory.mktemp("gradients")
    printed = subprocess.run(
        ["tools/loopback.sh", sys.executable, "-m", "tests.support.gradients", str(folder)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": import_path()},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout
    (folder / "sent.json").write_text(printed.splitlines()[-1])
    return folder


@pytest.mark.parametrize(("precision", "size"), [("fp32", 4), ("bf16", 2)])
def test_the_wire_carries_the_gradient_in_the_runs_precision_and_little_else(
    ran: Path, precision: str, size: int
) -> None:
    """Of a ring of two each sends the gradient's size. The model is sent once, at the start."""
    sent = json.loads((ran / "sent.json").read_text())[f"2-{precision}"]
    start = 4 * GRADIENT  # from the first worker
    updates = 2 * STEPS * GRADIENT * size
    assert updates < sent - start < 1.1 * updates


def test_one_worker_sends_nothing(ran: Path) -> None:
    sent = json.loads((ran / "sent.json").read_text())
    assert sent["1-fp32"] == sent["1-bf16"] == 0


@pytest.mark.parametrize(("precision", "apart"), [("fp32", 3e-5), ("bf16", 3e-2)])
def test_two_workers_learn_what_one_does(ran: Path, precision: str, apart: float) -> None:
    one, two = (json.loads((ran / f"{n}-{precision}.json").read_text()) for n in (1, 2))
    assert one[0] - one[-1] > 1, "nothing was learned: equality would show nothing"
    assert one == pytest.approx(two, abs=apart)


def test_two_fp32_workers_end_with_the_parameters_of_one(ran: Path) -> None:
    one, two = (torch.load(ran / f"{n}-fp32.pt") for n in (1, 2))
    assert all((one[name] - two[name]).abs().mean() < 1e-5 for name in one)
