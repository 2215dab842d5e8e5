"""What is written is an OCI image: umoci unpacks it and skopeo inspects it, where they are."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from lingraft.pack.oci import write_layout

CREATED = "2026-11-30T12:00:00Z"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "model"
    (made / ".eval_results").mkdir(parents=True)
    (made / "config.json").write_text("{}")
    (made / "model.safetensors").write_bytes(bytes(range(256)) * 5000)
    (made / ".eval_results/lingraft.yaml").write_text("[]")
    return made


def test_the_same_files_give_the_same_image(folder: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_layout(folder, tmp_path / name, created=CREATED)
        (folder / "config.json").touch()
    one, two = (json.loads((tmp_path / n / "index.json").read_text()) for n in ("one", "two"))
    assert one == two
    blobs = sorted(path.name for path in (tmp_path / "one/blobs/sha256").iterdir())
    assert len(blobs) == 3 and not (tmp_path / "one/layer.tar").exists()


@pytest.mark.skipif(shutil.which("umoci") is None, reason="umoci is not installed")
def test_umoci_unpacks_the_model_below_models(folder: Path, tmp_path: Path) -> None:
    write_layout(folder, tmp_path / "image", created=CREATED)
    image, bundle = f"{tmp_path / 'image'}:latest", tmp_path / "bundle"
    command = ["umoci", "unpack", "--rootless", "--image", image, str(bundle)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    models = bundle / "rootfs/models"
    for path in folder.rglob("*"):
        if path.is_file():
            assert (models / path.relative_to(folder)).read_bytes() == path.read_bytes()


@pytest.mark.skipif(shutil.which("skopeo") is None, reason="skopeo is not installed")
def test_skopeo_inspects_and_copies_it(folder: Path, tmp_path: Path) -> None:
    write_layout(folder, tmp_path / "image", created=CREATED)
    image = f"oci:{tmp_path / 'image'}:latest"
    said = subprocess.run(["skopeo", "inspect", image], check=True, capture_output=True, text=True)
    found = json.loads(said.stdout)
    assert (found["Os"], len(found["Layers"])) == ("linux", 1)
    there = f"dir:{tmp_path / 'copy'}"
    copy = ["skopeo", "--insecure-policy", "copy", image, there]
    subprocess.run(copy, check=True, capture_output=True, timeout=60)
