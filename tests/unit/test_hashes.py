"""Hashes of local files are remembered for as long as they hold."""

import hashlib
import os
from pathlib import Path

import pytest

from lingraft import hashes
from lingraft.hashes import sha256_of_files
from lingraft.store.disk import hash_file


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that are read, in a cache of its own where every file is settled."""
    monkeypatch.setenv("LINGRAFT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(hashes, "SETTLED_NS", -(10**12))
    names: list[str] = []

    def counted(path: Path) -> tuple[int, str]:
        names.append(path.name)
        return hash_file(path)

    monkeypatch.setattr(hashes, "hash_file", counted)
    return names


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_file_is_read_once(tmp_path: Path, read: list[str]) -> None:
    paths = [tmp_path / name for name in ("a", "b")]
    for path in paths:
        path.write_text(path.name)
    for _ in range(3):
        assert sha256_of_files(paths) == [sha("a"), sha("b")]
    assert sorted(read) == ["a", "b"]


def test_all_files_are_read_again_where_they_are_asked_for_anew(
    tmp_path: Path, read: list[str]
) -> None:
    (tmp_path / "a").write_text("a")
    for _ in range(2):
        assert sha256_of_files([tmp_path / "a"], anew=True) == [sha("a")]
    assert read == ["a", "a"]
    sha256_of_files([tmp_path / "a"])
    assert read == ["a", "a"], "what was read is remembered for others"


def test_other_content_is_read_even_where_size_and_time_are_the_same(
    tmp_path: Path, read: list[str]
) -> None:
    path = tmp_path / "a"
    path.write_text("one")
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    assert sha256_of_files([path]) == [sha("one")]
    path.write_text("two")
    os.utime(path, ns=times)
    assert sha256_of_files([path]) == [sha("two")]
    (tmp_path / "b").write_text("six")
    os.utime(tmp_path / "b", ns=times)
    (tmp_path / "b").replace(path)
    assert sha256_of_files([path]) == [sha("six")]


def test_a_file_that_was_just_written_is_not_remembered(
    tmp_path: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashes, "SETTLED_NS", 10**12)
    (tmp_path / "a").write_text("a")
    for _ in range(2):
        sha256_of_files([tmp_path / "a"])
    assert read == ["a", "a"]


def test_so_many_are_remembered(
    tmp_path: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashes, "MOST", 2)
    for name in "abc":
        (tmp_path / name).write_text(name)
        sha256_of_files([tmp_path / name])
    sha256_of_files([tmp_path / name for name in "abc"])
    assert read == ["a", "b", "c", "a"]


def test_without_a_cache_all_is_read(
    tmp_path: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "file").write_text("")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/hashes.sqlite").write_text("no database, and long enough to tell" * 99)
    for name in ("file/cache", "broken"):
        monkeypatch.setenv("LINGRAFT_CACHE", str(tmp_path / name))
        assert sha256_of_files([tmp_path / "a"]) == [sha("a")]
    assert read == ["a", "a"]
