"""The recipe builds each part once, finds it again, and says what is missing."""

import threading
from pathlib import Path

import pytest

from tools.kube import build


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    """The folders that the part `toy` was built in; an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    folders: list[Path] = []

    def make(folder: Path) -> None:
        folders.append(folder)
        (folder / "etcd").touch()

    toy = build.Part("toy", make, ("etcd",))
    monkeypatch.setattr(build, "PARTS", {"toy": toy})
    monkeypatch.setattr(build, "DEFAULT", ("toy",))
    return folders


def test_what_is_not_built_is_missing(built: list[Path]) -> None:
    with pytest.raises(build.Missing, match="toy is not built: run"):
        build.find("toy")


def test_a_part_is_built_once_and_found_again(built: list[Path]) -> None:
    threads = [threading.Thread(target=build.build, args=("toy",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1
    assert build.build("toy") == build.find("toy") and (build.find("toy") / "etcd").exists()


def test_a_build_that_fails_leaves_nothing_to_be_found(
    built: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(folder: Path) -> None:
        (folder / "etcd").touch()
        raise build.Missing("no compiler")

    monkeypatch.setitem(build.PARTS, "toy", build.Part("toy", broken, ("etcd",)))
    with pytest.raises(build.Missing, match="no compiler"):
        build.build("toy")
    with pytest.raises(build.Missing, match="not built"):
        build.find("toy")


def test_binaries_come_from_kubebuilder_assets_where_it_has_them(
    built: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    build.build("toy")
    assert build.binary("etcd") == build.find("toy") / "etcd"
    (tmp_path / "etcd").touch()
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    assert build.binary("etcd") == tmp_path / "etcd"
