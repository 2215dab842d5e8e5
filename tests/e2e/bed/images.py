"""The nodes' images: imported once into a store that is kept, of which every node has a copy.

Unpacking two gigabytes takes minutes where the disk is slow; a copy by hard links takes seconds,
and whatever a run leaves in its copy goes with it. Nothing ever writes into a file that was
unpacked, so the links are safe; containerd's databases are copied.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from lingraft.cache import cache_dir
from tests.cluster.bed.processes import start, wait_until
from tests.e2e.bed.archives import program_image

FOLDER = cache_dir() / "e2e"
_STORE = FOLDER / "images"
_IMPORT_SECONDS = 900
_SETTINGS = """\
version = 2
root = "{store}"
state = "{scratch}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = "{scratch}/socket"
"""


def provide(programs: Mapping[str, Path], archives: Mapping[str, Path]) -> None:
    """Bring the store to hold these images and no others.

    Args:
        programs: Name of an image to the static program that it is made of.
        archives: Name of an image to its archive, as docker or OCI write it.
    """
    _STORE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="lingraft-images-") as folder:
        scratch = Path(folder)
        (scratch / "settings.toml").write_text(_SETTINGS.format(store=_STORE, scratch=scratch))
        # In a mount namespace of its own nothing stays mounted, whatever happens.
        command = ["unshare", "--mount", "--", "containerd", f"--config={scratch}/settings.toml"]
        daemon = start("containerd", command, scratch / "containerd.log")
        try:
            wait_until((scratch / "socket").exists, "containerd", daemon)
            there = _ctr(scratch, "list", "--quiet").split()
            wanted = programs.keys() | archives.keys()
            for name in sorted(wanted - set(there)):
                if name in programs:
                    _import(scratch, program_image(scratch / "image.tar", name, programs[name]))
                else:
                    _import(scratch, archives[name], name)
            # At last: what the new ones share with the old is there already.
            if old := sorted(set(there) - wanted):
                _ctr(scratch, "remove", "--sync", *old)
        finally:
            daemon.stop()


def copy(name: str) -> Path:
    """A copy of the store, for one node and one run; what is left of an earlier one goes."""
    folder = FOLDER / name
    shutil.rmtree(folder, ignore_errors=True)

    subprocess.run(["cp", "--archive", "--link", _STORE, folder], check=True)
    for database in folder.glob("*.v1.*/*.db"):
        database.unlink()
        shutil.copy2(_STORE / database.relative_to(folder), database)
    return folder


def _import(scratch: Path, archive: Path, name: str | None = None) -> None:
    """Import an archive of one image, and give it this name instead of its own."""
    printed = _ctr(scratch, "import", archive)
    # "unpacking <its own name> (sha256:...)...done"
    (own,) = (line.split()[1] for line in printed.splitlines() if line.startswith("unpacking"))
    if name not in (None, own):
        _ctr(scratch, "tag", own, name)
        _ctr(scratch, "remove", own)


def _ctr(scratch: Path, *arguments: str | Path) -> str:
    command = ["ctr", f"--address={scratch}/socket", "--namespace=k8s.io", "images", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_IMPORT_SECONDS)
    if done.returncode:
        raise RuntimeError(f"`ctr {' '.join(map(str, arguments))}` failed: {done.stderr}")
    return done.stdout
