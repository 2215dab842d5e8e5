"""What is loaded: nothing heavy before it is needed."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "ray", "transformers", "boto3", "botocore", "pyarrow", "numpy", "rich.live")


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["validate", "-f", "examples/bible/french.yaml"], ["explain", "spec.mini"]],
    ids=str,
)
def test_nothing_heavy_is_imported(arguments):
    code = (
        "import sys; from lingraft import cli\n"
        f"try: cli.app({arguments!r}, standalone_mode=False)\n"
        f"finally: print('loaded:', [m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded: []"


def test_a_process_that_waits_for_workers_does_not_load_transformers():
    code = "import sys, lingraft_trainer.running.runner; sys.exit('transformers' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
