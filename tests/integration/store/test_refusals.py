"""A store that cannot be used says so in one sentence, with the exit code of its class."""

import hashlib
import io
import logging
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lingraft.errors import InfrastructureError, ResourceError, UserError
from lingraft.sources import fingerprint
from lingraft.stage import Result, Stage
from lingraft.store import open_store
from lingraft.store.stages import StageStore, fetch_artifact


@pytest.mark.parametrize("wrong", ["AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"])
def test_refused_credentials(
    s3: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, wrong: str
) -> None:
    secret = "not-the-right-one-4711"
    monkeypatch.setenv(wrong, secret)
    with (
        caplog.at_level(logging.INFO),
        pytest.raises(UserError, match=r"refuses these credentials .* check AWS_") as caught,
    ):
        open_store(s3.uri)
    assert caught.value.exit_code == 2
    assert caught.value.where == s3.uri
    told = str(caught.value) + caplog.text
    assert "4711" not in told and s3.environment["AWS_SECRET_ACCESS_KEY"] not in told
    with pytest.raises(UserError, match="refuses"):
        fingerprint(s3.uri)


def test_no_credentials(s3: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(UserError, match="no S3 credentials; set"):
        open_store(s3.uri)


def test_a_missing_bucket(s3: Any) -> None:
    for ask in (open_store, fingerprint):
        with pytest.raises(UserError, match="no such bucket") as caught:
            ask("s3://nobody-made-this-bucket/x/")
        assert caught.value.where.startswith("s3://nobody-made-this-bucket/")


def test_nobody_answers(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{taken.getsockname()[1]}")
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
        with pytest.raises(InfrastructureError, match=r"127\.0\.0\.1:\d+ does not answer"):
            open_store(s3.uri)


def test_settings_that_cannot_be_used(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "no scheme at all")
    with pytest.raises(UserError, match="AWS_ENDPOINT_URL"):
        open_store(s3.uri)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.endpoint)
    monkeypatch.setenv("AWS_PROFILE", "nobody-made-this-profile")
    with pytest.raises(UserError, match="AWS_PROFILE"):
        open_store(s3.uri)


def test_an_answer_that_breaks_off_is_read_again(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.exceptions import ResponseStreamingError

    class Broken(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise ResponseStreamingError(error="the line went dead")

    store: Any = open_store(s3.uri)
    store.put("key", b"data")
    whole, left = store._client.get_object, [Broken(), Broken()]
    monkeypatch.setattr(
        store._client,
        "get_object",
        lambda **k: whole(**k) | ({"Body": left.pop()} if left else {}),
    )
    assert store.get("key")[0] == b"data"
    left.extend([Broken(), Broken(), Broken()])
    with pytest.raises(InfrastructureError, match="does not answer"):
        store.get("key")


def test_a_large_object_is_whole_and_hashed_though_an_answer_breaks_off(
    s3: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from botocore.exceptions import ResponseStreamingError

    from lingraft.store import s3 as module

    def broken_off(body: Any) -> Iterator[bytes]:
        yield body.read(10)
        raise ResponseStreamingError(error="the line went dead")

    monkeypatch.setattr(module, "RANGE", 1000)
    monkeypatch.setattr(module, "CHUNK", 64)
    data = bytes(range(256)) * 20  # 5,120 bytes: the last range is a short one
    store: Any = open_store(s3.uri)
    store.put("key", data)
    whole, left = store._client.get_object, ["bytes=0-999", "bytes=3000-3999"]

    def get_object(**asked: Any) -> Any:
        answer = whole(**asked)
        if asked["Range"] in left:
            left.remove(asked["Range"])
            answer["Body"].iter_chunks = lambda _, body=answer["Body"]: broken_off(body)
        return answer

    monkeypatch.setattr(store._client, "get_object", get_object)
    found = store.get_file("key", tmp_path / "file")
    assert (left, (tmp_path / "file").read_bytes()) == ([], data)
    assert found == (len(data), hashlib.sha256(data).hexdigest())


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    made = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "lingraft-test", str(folder)], check=False
    )
    if not made or made.returncode:
        pytest.skip("only root can mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_under_the_store(small_disk: Path, tmp_path: Path, stage: Stage) -> None:
    output = tmp_path / "out"
    output.mkdir()
    (output / "large").write_bytes(bytes(4 << 20))
    store = open_store((small_disk / "store").as_uri())
    with pytest.raises(ResourceError, match="disk is full") as caught:
        StageStore(store, stage, "run").upload(output)
    assert caught.value.where.startswith(str(small_disk))
    assert list(store.list("")) == []
    left = [p for p in small_disk.rglob("*") if p.is_file() and p.stat().st_size]
    assert left == []


def test_a_full_disk_under_the_cache(
    s3: Any, small_disk: Path, tmp_path: Path, stage: Stage
) -> None:
    output = tmp_path / "out"
    output.mkdir()
    (output / "large").write_bytes(bytes(4 << 20))
    store = open_store(s3.uri)
    mine = StageStore(store, stage, "run")
    manifest = mine.publish(mine.upload(output), Result(), {})
    with pytest.raises(ResourceError, match="disk is full") as caught:
        fetch_artifact(store, manifest, small_disk / "cache")
    assert caught.value.where.startswith(str(small_disk))
    found = [p for p in small_disk.rglob("large")]
    assert found == []


def test_a_file_where_the_store_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = open_store((tmp_path / "file").as_uri())
    with pytest.raises(UserError):
        store.put("key", b"")
