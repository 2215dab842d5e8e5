"""Sources in a bucket: pinned by size and ETag, read with If-Match."""

from pathlib import Path
from typing import Any

import pytest

from lingraft.errors import UserError
from lingraft.sources import fetch_source, fingerprint
from lingraft.store import open_store
from lingraft.store.base import ArtifactStore


@pytest.fixture
def corpora(s3: Any) -> ArtifactStore:
    store = open_store(s3.uri)
    store.put("sw/a.txt", b"habari")
    store.put("sw/more/b.txt", b"njema")
    store.put("sw/.hidden", b"x")
    store.put("sw/.git/config", b"x")
    store.put("sw.txt", b"jambo")
    return store


def test_a_prefix(corpora: ArtifactStore, tmp_path: Path) -> None:
    with_slash, without = fingerprint(corpora.uri + "sw/"), fingerprint(corpora.uri + "sw")
    assert [o.key for o in with_slash.objects] == ["a.txt", "more/b.txt"]
    assert with_slash.fingerprint == without.fingerprint
    assert all(o.tag.startswith("etag:") for o in with_slash.objects)
    folder = fetch_source(with_slash, tmp_path)
    assert folder == tmp_path / "source" / with_slash.fingerprint
    assert (folder / "a.txt").read_bytes() == b"habari"
    assert (folder / "more/b.txt").read_bytes() == b"njema"
    assert fetch_source(without, tmp_path) == folder


def test_a_file(corpora: ArtifactStore, tmp_path: Path) -> None:
    source = fingerprint(corpora.uri + "sw.txt")
    assert [(o.key, o.size) for o in source.objects] == [("", 5)]
    path = fetch_source(source, tmp_path)
    assert path.name == "sw.txt" and path.read_bytes() == b"jambo"
    path.write_bytes(b"spoiled in the cache")
    assert fetch_source(source, tmp_path).read_bytes() == b"jambo"


def test_what_changed_is_named(corpora: ArtifactStore, tmp_path: Path) -> None:
    source = fingerprint(corpora.uri + "sw/")
    corpora.put("sw/more/b.txt", b"mbaya")
    with pytest.raises(UserError, match="changed since it was planned") as caught:
        fetch_source(source, tmp_path)
    assert caught.value.where == corpora.uri + "sw/more/b.txt"
    assert fingerprint(corpora.uri + "sw/").fingerprint != source.fingerprint
    corpora.delete("sw/more/b.txt")
    with pytest.raises(UserError, match=r"b\.txt.*changed since"):
        fetch_source(source, tmp_path)
    assert not (tmp_path / "source" / source.fingerprint).exists()


def test_nothing_there(corpora: ArtifactStore) -> None:
    for name in ("swa", "sw/a", "empty/"):
        with pytest.raises(UserError, match="nothing is there") as caught:
            fingerprint(corpora.uri + name)
        assert caught.value.where == corpora.uri + name
