"""The local cache."""

import hashlib
import threading
from pathlib import Path

import pytest

from lingraft.cache import cache_dir, populate
from lingraft.stage import FileRecord


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("LINGRAFT_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert cache_dir() == tmp_path / ".cache/lingraft"
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert cache_dir() == Path("/xdg/lingraft")
    monkeypatch.setenv("LINGRAFT_CACHE", "~/own")
    assert cache_dir() == tmp_path / "own"


def test_filled_once_cleared_of_leftovers_and_healed(tmp_path: Path) -> None:
    calls: list[Path] = []

    def fill(folder: Path) -> tuple[FileRecord, ...]:
        calls.append(folder)
        folder.mkdir()
        (folder / "a").write_bytes(b"data")
        return (FileRecord(path="a", size=4, sha256=hashlib.sha256(b"data").hexdigest()),)

    def die(folder: Path) -> tuple[FileRecord, ...]:
        folder.mkdir()
        (folder / "half").write_bytes(b"")
        raise KeyboardInterrupt

    place = tmp_path / "kind" / "digest"
    with pytest.raises(KeyboardInterrupt):
        populate(place, die)
    assert not place.exists()
    assert populate(place, fill) == place
    assert populate(place, fill) == place
    assert len(calls) == 1 and [p.name for p in place.iterdir()] == ["a"]
    (place / "a").write_bytes(b"DATA")
    populate(place, fill)
    assert len(calls) == 2 and (place / "a").read_bytes() == b"data"


def test_only_one_fills_at_a_time(tmp_path: Path) -> None:
    record = FileRecord(path="a", size=0, sha256=hashlib.sha256(b"").hexdigest())
    inside, again = threading.Event(), threading.Event()

    def fill(folder: Path) -> tuple[FileRecord, ...]:
        if inside.is_set():
            again.set()
        inside.set()
        again.wait(0.5)  # as long as a second one would need to get here too
        folder.mkdir(exist_ok=True)
        (folder / "a").touch()
        return (record,)

    threads = [threading.Thread(target=populate, args=(tmp_path / "x", fill)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert inside.is_set() and not again.is_set()
