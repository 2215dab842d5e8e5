"""An image archive unpacked, and run by runc as a restricted pod is: the root read-only."""

import json
import shutil
import subprocess
import tarfile
import tempfile
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Image:
    """An archive's content.

    Attributes:
        names: With tags.
        config: As in the OCI image format: User, Env, Entrypoint, Labels.
        size: Bytes of its layers' files, what a later layer hides included.
        root: Its root file system.
    """

    names: list[str]
    config: dict[str, Any]
    size: int
    root: Path

    def inside(self, path: str) -> Path:
        """Where a path of the image lies on this machine."""
        return self.root / path.lstrip("/")

    @property
    def packages(self) -> Path:
        """Its Python packages."""
        return self.inside("/opt/lingraft/lib/python3.11/site-packages")


def unpack(archive: Path, root: Path) -> Image:
    """Unpack a docker-archive; `root` must be empty, and the caller root."""
    size = 0
    root.chmod(0o755)  # it is the image's `/`, and its users are not root
    with tarfile.open(archive) as outer:

        def read(name: str) -> bytes:
            member = outer.extractfile(name)
            assert member is not None
            return member.read()

        (manifest,) = json.loads(read("manifest.json"))
        config = json.loads(read(manifest["Config"]))["config"]
        for layer in manifest["Layers"]:
            with tarfile.open(fileobj=outer.extractfile(layer)) as inner:
                for member in inner:
                    size += member.size
                    _put(inner, member, root)
    return Image(manifest["RepoTags"], config, size, root)


def _put(layer: tarfile.TarFile, member: tarfile.TarInfo, root: Path) -> None:
    """One entry of a layer. A file `.wh.NAME` hides NAME of the layers below."""
    path = root / member.name
    if not path.name.startswith(".wh."):
        layer.extract(member, root, numeric_owner=True, filter="fully_trusted")
    elif path.name == ".wh..wh..opq":
        for child in path.parent.iterdir():
            shutil.rmtree(child) if child.is_dir() else child.unlink()
    else:
        hidden = path.with_name(path.name.removeprefix(".wh."))
        shutil.rmtree(hidden) if hidden.is_dir() and not hidden.is_symlink() else hidden.unlink()


def run(
    image: Image, command: Sequence[str] | None = None, *, seconds: float = 300
) -> subprocess.CompletedProcess[str]:
    """Run a command, or the image's own, to its end; without a network but loopback."""
    name = f"lingraft-test-{uuid.uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory() as bundle:
        config = _runtime_config(image, command or image.config["Entrypoint"])
        (Path(bundle) / "config.json").write_text(json.dumps(config))
        runc = ["runc", "--root", f"{bundle}/state"]
        try:
            return subprocess.run(
                [*runc, "run", "--bundle", bundle, name],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=seconds,
            )
        finally:
            subprocess.run([*runc, "delete", "--force", name], check=True, capture_output=True)


def _runtime_config(image: Image, command: Sequence[str]) -> dict[str, Any]:
    """https://github.com/opencontainers/runtime-spec/blob/main/config.md."""
    uid, gid = map(int, image.config["User"].split(":"))
    own = ["nosuid", "nodev"]
    mounts = [
        ("/proc", "proc", []),
        ("/dev", "tmpfs", ["nosuid", "mode=755"]),
        ("/dev/shm", "tmpfs", [*own, "mode=1777"]),
        ("/tmp", "tmpfs", [*own, "mode=1777"]),  # the chart's and RayJobs' only writable folder
    ]
    return {
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": uid, "gid": gid},
            "args": list(command),
            "env": image.config["Env"],
            "cwd": image.config.get("WorkingDir") or "/",
            "noNewPrivileges": True,
            "capabilities": {},
        },
        "root": {"path": str(image.root), "readonly": True},
        "mounts": [
            {"destination": where, "type": kind, "source": kind, "options": options}
            for where, kind, options in mounts
        ],
        "linux": {
            "namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount", "network")]
        },
    }
