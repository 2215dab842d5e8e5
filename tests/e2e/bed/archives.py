"""Images of one static program, written as `docker save` does.

Format: https://github.com/moby/docker-image-spec
"""

import hashlib
import io
import json
import tarfile
from pathlib import Path


def name_of(program: Path) -> str:
    """The image's name; another program has another one."""
    with program.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return f"lingraft.test/{program.name}:{digest[:16]}"


def program_image(archive: Path, name: str, program: Path) -> Path:
    """Write an image of this name without anything but a program, which is its entrypoint."""
    layer = archive.with_suffix(".layer")
    with tarfile.open(layer, "w") as tar:
        info = tarfile.TarInfo(program.name)
        info.size, info.mode = program.stat().st_size, 0o755
        with program.open("rb") as stream:
            tar.addfile(info, stream)
    with layer.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": [f"/{program.name}"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    with tarfile.open(archive, "w") as tar:
        for member, content in (("manifest.json", manifest), ("config.json", config)):
            data = json.dumps(content).encode()
            info = tarfile.TarInfo(member)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        tar.add(layer, "layer.tar")
    layer.unlink()
    return archive
