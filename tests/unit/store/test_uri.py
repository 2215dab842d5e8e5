"""Addresses of stores and sources."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingraft.errors import CorruptArtifactError, UserError
from lingraft.store import open_store
from lingraft.store.base import checked_key
from lingraft.store.uri import S3Location, parse_uri


def test_places() -> None:
    assert parse_uri("file:///data/a%20b/") == Path("/data/a b")
    assert parse_uri("s3://models/roberta-base/") == S3Location("models", "roberta-base/")
    assert parse_uri("s3://models") == S3Location("models", "")


@pytest.mark.parametrize(
    "uri",
    [
        *("", "data", "/data", "file:data", "file://host/data", "https://x/y", "gs://bucket/x"),
        *("s3://", "s3:///key", "s3://a b/c", "S3://bucket/", "s3://bucket/../other"),
    ],
)
def test_anything_else_is_refused(uri: str) -> None:
    with pytest.raises(UserError, match="write file:///absolute/path or s3://bucket/prefix/"):
        open_store(uri)


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("s3://corpora/sw/\n", "a line break"),
        ("s3://corpora/a\x00b", "control character"),
        ("s3://corpora/" + "x" * 1025, "has 1,025 bytes"),
        ("s3://corpora/" + "語" * 342, "has 1,026 bytes"),
    ],
)
def test_a_key_that_s3_has_not_is_the_user_s_to_correct(uri: str, words: str) -> None:
    with pytest.raises(UserError, match=words) as told:
        open_store(uri)
    assert told.value.failure_class == "user" and told.value.where.isascii()
    assert parse_uri("s3://corpora/" + "語" * 341) == S3Location("corpora", "語" * 341)


def test_a_password_in_an_address_is_not_repeated() -> None:
    with pytest.raises(UserError) as caught:
        open_store("s3://key:hunter2@bucket/x")
    assert "hunter2" not in str(caught.value) and "key" not in str(caught.value)


@given(st.lists(st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1)))
def test_every_path_survives_its_uri(parts: list[str]) -> None:
    path = Path("/", *parts)
    assert parse_uri(path.as_uri()) == path


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", "a\0b"])
def test_keys_that_lead_elsewhere(key: str) -> None:
    with pytest.raises(CorruptArtifactError):
        checked_key(key)
    assert checked_key("a/b..c/.d") == "a/b..c/.d"


def test_a_name_that_is_not_utf8_is_said_to_be() -> None:
    """Libraries in Rust open the UTF-8 of a path's characters, whatever its bytes are."""
    path = Path(os.fsdecode(b"/data/caf\xe9"))
    with pytest.raises(UserError, match="this name is not UTF-8: rename it") as caught:
        parse_uri(path.as_uri())
    assert caught.value.where == r"/data/caf\udce9"


@pytest.mark.parametrize("coding", ["ascii", "latin-1"])
def test_a_locale_that_is_not_utf8_is_said_to_be(
    coding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsdecode", lambda name: name.decode(coding, "surrogateescape"))
    assert parse_uri("file:///data/a%20b") == Path("/data/a b")
    with pytest.raises(UserError, match="the locale is not: set PYTHONUTF8=1"):
        parse_uri("file:///data/caf%C3%A9")
