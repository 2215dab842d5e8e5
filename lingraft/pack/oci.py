"""An OCI image layout with a model below `/models/`, as KServe's modelcars have it.

https://github.com/opencontainers/image-spec/blob/main/image-layout.md
The same files give the same digests: no times, owners or orders of this machine get in.
"""

import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any

from lingraft.store.disk import CHUNK

MODELS = "models"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"


def write_layout(folder: Path, out: Path, *, created: str, tag: str = "latest") -> None:
    """Write an image of one layer.

    Args:
        folder: What is to lie in `/models/`.
        out: The layout's folder, which is made.
        created: When the content was made, RFC 3339.
        tag: Name of the image in the layout.
    """
    blobs = out / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    layer = out / "layer.tar"
    with tarfile.open(layer, "w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(_directory(MODELS))
        for path in sorted(folder.rglob("*")):
            name = f"{MODELS}/{path.relative_to(folder).as_posix()}"
            if path.is_dir():
                archive.addfile(_directory(name))
                continue
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = path.stat().st_size, 0o644
            with path.open("rb") as content:
                archive.addfile(entry, content)
    size, digest = layer.stat().st_size, _sha256(layer)
    layer.rename(blobs / digest)
    config = _blob(
        blobs,
        {
            "created": created,
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
            "history": [{"created": created, "created_by": "lingraft export --as modelcar"}],
        },
        _CONFIG,
    )
    manifest = _blob(
        blobs,
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": config,
            "layers": [{"mediaType": _LAYER, "digest": f"sha256:{digest}", "size": size}],
        },
        _MANIFEST,
    )
    named = manifest | {"annotations": {"org.opencontainers.image.ref.name": tag}}
    index = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": [named]}
    (out / "index.json").write_text(json.dumps(index), encoding="utf-8")
    (out / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}), encoding="utf-8")


def _directory(name: str) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
    return entry


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _blob(blobs: Path, content: dict[str, Any], media_type: str) -> dict[str, Any]:
    """Write a JSON blob; its descriptor."""
    data = json.dumps(content, sort_keys=True).encode()
    digest = hashlib.sha256(data).hexdigest()
    (blobs / digest).write_bytes(data)
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}
