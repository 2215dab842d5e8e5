import re
import subprocess
import sys
from pathlib import Path

import lingraft

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, "--no-color", DOCKERFILE], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "hadolint ignore" not in DOCKERFILE.read_text()  # there is no exception to explain


def test_the_version_is_lingrafts() -> None:
    versions = re.findall(r"^ARG VERSION=(.+)$", DOCKERFILE.read_text(), re.MULTILINE)
    assert versions == [lingraft.__version__] * 2


def test_probes_are_kubernetes() -> None:
    assert "HEALTHCHECK" not in DOCKERFILE.read_text()


def test_what_the_context_lets_in_is_there() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = [line.removeprefix("!") for line in lines if line.startswith("!")]
    assert allowed and all((ROOT / path).exists() for path in allowed)
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE.read_text(), re.MULTILINE)
    assert {path for line in copied for path in line.split()} == set(allowed)
