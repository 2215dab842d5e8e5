"""Local sources: pinned by sha256, read in place."""

import os
from pathlib import Path

import pytest

from lingraft import hashes
from lingraft.errors import UserError
from lingraft.sources import fetch_source, fingerprint, pin


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
    assert (source.objects, source.bytes, source.text_bytes) == (2, 8, 8)
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
    assert (a.objects, a.bytes) == (1, 4)
    assert a.fingerprint == b.fingerprint
    assert fetch_source(a, tmp_path) == corpus / "a.txt"


def test_a_change_is_told_with_what_is_known_of_it(corpus: Path, tmp_path: Path) -> None:
    source = fingerprint(corpus.as_uri())
    kept = (corpus / "b/c.txt").read_text()
    (corpus / "b/c.txt").write_text("TWO\n")
    with pytest.raises(UserError, match="changed since it was planned; put the former") as caught:
        fetch_source(source, tmp_path)
    assert caught.value.where == corpus.as_uri()
    (corpus / "b/c.txt").unlink()
    with pytest.raises(UserError, match=r"files: 2 then, 1 now; bytes: 8 then, 4 now\)"):
        fetch_source(source, tmp_path)
    (corpus / "b/c.txt").write_text(kept)
    assert fetch_source(source, tmp_path) == corpus
    (corpus / "new.txt").write_text("would be read with the others")
    with pytest.raises(UserError, match="2 then, 3 now"):
        fetch_source(source, tmp_path)
    corpus.rename(tmp_path / "gone")
    with pytest.raises(UserError, match="2 then, 0 now"):
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


def test_what_decides_how_a_single_file_is_read_is_part_of_its_fingerprint(tmp_path: Path) -> None:
    for name in ("x.txt", "y.txt", "x.jsonl"):
        (tmp_path / name).write_text("the same")
    text, other, lines = (
        fingerprint((tmp_path / name).as_uri()).fingerprint
        for name in ("x.txt", "y.txt", "x.jsonl")
    )
    assert text == other != lines


A, B = ("a.txt", 3, "sha256:aa"), ("b.txt", 4, "sha256:bb")


def test_fingerprints_are_those_of_yesterday() -> None:
    """Every digest rests on them: a change makes every user train again."""
    prefix = pin("s3://texts/sw", [("b.txt", 4, 'etag:"bb"'), ("a.txt", 3, 'etag:"aa"')])
    assert prefix.fingerprint.startswith("64690e117b3f08fd")
    file = pin("file:///x/sw.txt.gz", [("", 4, "sha256:bb")])
    assert file.fingerprint.startswith("6e63ab1231c76e66")


def test_a_fingerprint_is_of_the_content_not_of_the_place_or_the_order() -> None:
    assert pin("s3://t", [A, B]).fingerprint == pin("file:///copy", [B, A]).fingerprint


@pytest.mark.parametrize(
    "other",
    [(A,), (A, ("c.txt", 4, "sha256:bb")), (A, ("b.txt", 5, "sha256:bb")), (A, ("b.txt", 4, "x"))],
    ids=str,
)
def test_every_object_counts(other: tuple[tuple[str, int, str], ...]) -> None:
    assert pin("s3://t", other).fingerprint != pin("s3://t", [A, B]).fingerprint


def test_compressed_files_hold_more_text_than_bytes() -> None:
    source = pin("s3://t/", [("a.txt", 1, "x"), ("b.txt.gz", 10, "x"), ("c.parquet", 100, "x")])
    assert (source.bytes, source.text_bytes) == (111, 331)
    assert pin("s3://t/a.jsonl.zst", [("", 10, "x")]).text_bytes == 30


def test_what_is_pinned_is_small_however_many_objects_there_are() -> None:
    many = pin("s3://t/", ((f"part-{i:05}.txt", i, f'etag:"{i:032x}"') for i in range(10_000)))
    assert many.objects == 10_000
    assert len(many.model_dump_json()) < 200


def test_what_is_not_read_is_neither_counted_nor_hashed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tmp_path / "base"
    base.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (base / name).write_text(name)
    as_what: list[str] = ["checkpoint", "tokenizer"]
    monkeypatch.setattr(hashes, "SETTLED_NS", -(10**12))
    before = {reads: fingerprint(base.as_uri(), reads) for reads in as_what}
    monkeypatch.setattr(hashes, "hash_file", lambda path: pytest.fail(f"{path} was hashed"))
    for name in ("README.md", "pytorch_model.bin"):
        (base / name).write_text("a page about it")
    for source in before.values():
        assert fingerprint(base.as_uri(), source.reads) == source
        assert fetch_source(source, tmp_path) == base
    assert [source.objects for source in before.values()] == [3, 2]


def test_other_weights_are_another_checkpoint_with_the_same_tokenizer(tmp_path: Path) -> None:
    places: list[Path] = []
    for weights in ("ones", "twos"):
        base = tmp_path / weights
        base.mkdir()
        for name, content in (("config.json", "{}"), ("tokenizer.json", "{}")):
            (base / name).write_text(content)
        (base / "model.safetensors").write_text(weights)
        places.append(base)
    whole = {fingerprint(p.as_uri(), "checkpoint").fingerprint for p in places}
    words = {fingerprint(p.as_uri(), "tokenizer").fingerprint for p in places}
    assert (len(whole), len(words)) == (2, 1)


def test_what_cannot_be_read_is_said_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match=r"no model\.safetensors") as caught:
        fingerprint(tmp_path.as_uri(), "checkpoint")
    assert caught.value.where == tmp_path.as_uri()
