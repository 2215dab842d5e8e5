"""checkov in a virtual environment of its own, made once: its pins conflict with the project's.

    python tools/checkov/build.py

It lies in `${XDG_CACHE_HOME:-~/.cache}/lingraft/checkov-<digest>/`, by the digest of
requirements.txt. Only this needs a network: tests call `command`.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")


class Missing(Exception):
    """It is not there, or cannot be made; says what to do."""


def _place() -> Path:
    version = sys.implementation.cache_tag
    digest = hashlib.sha256(str(version).encode() + REQUIREMENTS.read_bytes()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "lingraft" / f"checkov-{digest}"


def command() -> list[str]:
    """How to call it.

    Raises:
        Missing: It was not made before.
    """
    if not (place := _place()).is_dir():
        raise Missing("checkov is not there: run `python tools/checkov/build.py`")
    # Not its script, which names the folder that the environment was made in.
    return [str(place / "bin" / "python"), "-m", "checkov.main"]


def build() -> Path:
    """Make it if need be; two that want it make it once.

    Raises:
        Missing: It could not be made.
    """
    place = _place()
    place.parent.mkdir(parents=True, exist_ok=True)
    with (place.parent / ".checkov.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.is_dir():
            scratch = Path(tempfile.mkdtemp(dir=place.parent, prefix=".checkov-"))
            try:
                _install(scratch)
                scratch.rename(place)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
    return place


def _install(folder: Path) -> None:
    uv = str(Path(sys.executable).with_name("uv"))
    python = str(folder / "bin" / "python")
    options = ["--quiet", "--python", python, "--require-hashes", "-r", str(REQUIREMENTS)]
    for step in (
        [uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(folder)],
        [uv, "pip", "install", *options],
    ):
        if subprocess.run(step).returncode:
            raise Missing(f"`{' '.join(step)}` failed (see above)")


if __name__ == "__main__":
    try:
        print(build())
    except Missing as error:
        sys.exit(f"error: {error}")
