"""Where an image's archive lies: found again while nothing in it changes, and not otherwise."""

import platform
import shutil
from pathlib import Path

import pytest

import lingraft
from tools.images import build

ROOT = Path(__file__).parents[2]
IGNORED = shutil.ignore_patterns("__pycache__")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What goes into images, in a checkout of its own; an empty cache."""
    for path in ("lingraft", "operator", "trainer", "tools/images"):
        shutil.copytree(ROOT / path, tmp_path / path, ignore=IGNORED)
    for file in build.RECIPE:
        shutil.copy(ROOT / file, tmp_path / file)
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "HERE", tmp_path / "tools" / "images")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def place(name: str) -> Path:
    """Where the archive would be, as `find` looks for it."""
    with pytest.raises(build.Missing, match=f"{name} is not built: run"):
        build.find(name)
    return build._place(name)


def test_the_tag_has_lingrafts_version(checkout: Path) -> None:
    assert build.tag("operator") == f"docker.io/lingraft/operator:{lingraft.__version__}"


@pytest.mark.parametrize(
    ("file", "operator", "trainer"),
    [
        ("constraints.txt", True, True),
        ("Dockerfile", True, True),
        ("tools/images/sbom.py", True, True),
        ("lingraft/stage.py", True, True),
        ("operator/lingraft_operator/main.py", True, False),
        ("trainer/lingraft_trainer/running/runner.py", False, True),
    ],
)
def test_a_change_moves_the_images_it_is_in(
    checkout: Path, file: str, operator: bool, trainer: bool
) -> None:
    before = place("operator"), place("trainer")
    with (checkout / file).open("a") as stream:
        stream.write("\n# changed\n")
    after = place("operator"), place("trainer")
    assert [a != b for a, b in zip(after, before, strict=True)] == [operator, trainer]


def test_what_is_in_no_image_moves_none(checkout: Path) -> None:
    before = place("operator")
    (checkout / "README.md").write_text("changed")
    cache = checkout / "lingraft" / "__pycache__"
    cache.mkdir()
    (cache / "stage.cpython-311.pyc").write_bytes(b"changed")
    assert place("operator") == before


def test_another_torch_is_another_trainer(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("UV_FIND_LINKS", "")
    before = place("operator"), place("trainer")
    wheel = f"torch-2.0+cpu-cp311-cp311-linux_{platform.machine()}.whl"
    (checkout / wheel).touch()
    monkeypatch.setenv("UV_FIND_LINKS", str(checkout))
    assert place("operator") == before[0] and place("trainer") != before[1]


def test_an_archive_that_is_there_is_found_and_not_built(checkout: Path) -> None:
    archive = place("operator") / "image.tar"
    archive.parent.mkdir(parents=True)
    archive.touch()
    assert build.find("operator") == build.build("operator") == archive
