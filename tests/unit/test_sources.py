"""Local sources: pinned by sha256, read in place."""

import os
from pathlib import Path

import pytest

from lingraft import sources
from lingraft.errors import UserError
from lingraft.sources import fetch_source, fingerprint


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    (folder / "b").mkdir(parents=True)
    (folder / "a.txt").write_text("one\n")
    (folder / "b/c.txt").write_text("two\n")
    (folder / ".hidden").write_text("x")
    (folder / ".git").mkdir()
    (folder / ".git/config").write_text("x")
    return folder


def test_a_folder(corpus: Path, tmp_path: Path) -> None:
    source = fingerprint(corpus.as_uri())
    assert [o.key for o in source.objects] == ["a.txt", "b/c.txt"]
    assert all(o.tag.startswith("sha256:") for o in source.objects)
    assert fetch_source(source, tmp_path / "cache") == corpus
    assert not (tmp_path / "cache").exists()
    assert fingerprint(corpus.as_uri() + "/").fingerprint == source.fingerprint


def test_the_fingerprint_is_of_the_content_not_of_the_place(corpus: Path, tmp_path: Path) -> None:
    before = fingerprint(corpus.as_uri()).fingerprint
    (corpus / ".hidden").unlink()
    os.utime(corpus / "a.txt", (1, 1))
    corpus.rename(tmp_path / "moved")
    assert fingerprint((tmp_path / "moved").as_uri()).fingerprint == before
    (tmp_path / "moved/b/c.txt").rename(tmp_path / "moved/b/d.txt")
    assert fingerprint((tmp_path / "moved").as_uri()).fingerprint != before


def test_a_file_and_a_link_to_one(corpus: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.txt"
    link.symlink_to(corpus / "a.txt")
    a, b = fingerprint((corpus / "a.txt").as_uri()), fingerprint(link.as_uri())
    assert [(o.key, o.size) for o in a.objects] == [("", 4)]
    assert a.fingerprint == b.fingerprint
    assert fetch_source(a, tmp_path) == corpus / "a.txt"


def test_what_changed_is_named(corpus: Path, tmp_path: Path) -> None:
    source = fingerprint(corpus.as_uri())
    kept = (corpus / "b/c.txt").read_text()
    (corpus / "b/c.txt").write_text("TWO\n")
    with pytest.raises(UserError, match=r"b/c\.txt: changed since it was planned"):
        fetch_source(source, tmp_path)
    (corpus / "b/c.txt").unlink()
    with pytest.raises(UserError, match=r"b/c\.txt: changed since"):
        fetch_source(source, tmp_path)
    (corpus / "b/c.txt").write_text(kept)
    fetch_source(source, tmp_path)
    (corpus / "new.txt").write_text("would be read with the others")
    with pytest.raises(UserError, match=r"new\.txt: changed since"):
        fetch_source(source, tmp_path)


def test_nothing_there(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty/.keep").write_text("")
    for name in ("empty", "missing"):
        uri = (tmp_path / name).as_uri()
        with pytest.raises(UserError, match="nothing is there") as caught:
            fingerprint(uri)
        assert caught.value.where == uri


def test_a_broken_link_is_named(corpus: Path) -> None:
    (corpus / "broken.txt").symlink_to(corpus / "gone")
    with pytest.raises(UserError, match=r"broken\.txt: .*broken link"):
        fingerprint(corpus.as_uri())


def test_content_is_hashed_once(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = fingerprint(corpus.as_uri())
    monkeypatch.setattr(sources, "hash_file", lambda path: pytest.fail(f"{path} hashed again"))
    assert fingerprint(corpus.as_uri()) == first


def test_what_decides_how_a_single_file_is_read_is_part_of_its_fingerprint(tmp_path: Path) -> None:
    for name in ("x.txt", "y.txt", "x.jsonl"):
        (tmp_path / name).write_text("the same")
    text, other, lines = (
        fingerprint((tmp_path / name).as_uri()).fingerprint
        for name in ("x.txt", "y.txt", "x.jsonl")
    )
    assert text == other != lines
