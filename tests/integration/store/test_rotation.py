"""Keys that are rotated under a running process: it goes on with the new ones."""

import threading
from pathlib import Path
from typing import Any

import pytest

from lingraft.errors import CredentialsError
from lingraft.sources import fetch_source, fingerprint
from lingraft.stage import Stage
from lingraft.store import credentials, open_store
from lingraft.store.stages import StageStore


@pytest.fixture
def secret(s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mounted Secret with the right keys; those of the environment are wrong."""
    folder = tmp_path / "secret"
    folder.mkdir()
    for key in credentials.KEYS[:2]:
        (folder / key).write_text(s3.environment[key])
        monkeypatch.setenv(key, "long-expired")
    monkeypatch.setenv(credentials.FOLDER, str(folder))
    return folder


def test_what_is_refused_is_repeated_with_the_keys_that_come(
    s3: Any, secret: Path, tmp_path: Path
) -> None:
    store = open_store(s3.uri)
    right = (secret / "AWS_ACCESS_KEY_ID").read_text()
    big = tmp_path / "big"
    big.write_bytes(bytes(range(256)) * 2**16)  # 16 MiB: several parts
    store.put_file("before", big)
    store.put("small", b"1")
    list(store.list(""))
    store.get("small")
    store.get_file("before", tmp_path / "back")
    for call in (
        lambda: store.put_file("after", big),
        lambda: store.put("small", b"2"),
        lambda: list(store.list("")),
        lambda: store.get("small"),
        lambda: store.get_file("after", tmp_path / "again"),
    ):
        (secret / "AWS_ACCESS_KEY_ID").write_text("rotated-away")
        asked: list[float] = []

        def wait(error: CredentialsError, seconds: float, asked: list[float] = asked) -> None:
            asked.append(seconds)
            if len(asked) == 2:
                (secret / "AWS_ACCESS_KEY_ID").write_text(right)

        with credentials.patient(wait):
            call()
        assert len(asked) >= 2 and asked == sorted(asked)
    assert (tmp_path / "again").read_bytes() == big.read_bytes()
    assert store.get("small") is not None and store.get("small")[0] == b"2"  # type: ignore[index]


def test_nobody_waits_where_nobody_asked_for_it(s3: Any, secret: Path) -> None:
    """The operator's passes: they are repeated by its queue."""
    store = open_store(s3.uri)
    store.put("x", b"1")
    store.get("x")
    (secret / "AWS_ACCESS_KEY_ID").write_text("rotated-away")
    with pytest.raises(CredentialsError, match="refuses these credentials"):
        store.get("x")


def test_inputs_and_checkpoints_wait_on_all_their_threads(
    s3: Any, secret: Path, tmp_path: Path
) -> None:
    store = open_store(s3.uri)
    for name in ("a.txt", "b.txt", "c.txt"):
        store.put(f"text/{name}", name.encode())
        store.get(f"text/{name}")
    source = fingerprint(f"{s3.uri}text/")
    fetch_source(source, tmp_path / "warm")
    stages = StageStore(store, Stage(kind="embed", params={}, inputs={}), "me")
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    (folder / "state").write_bytes(b"x" * 1000)
    stages.save_checkpoint(1, folder)

    right = (secret / "AWS_SECRET_ACCESS_KEY").read_text()
    (secret / "AWS_SECRET_ACCESS_KEY").write_text("wrong")
    refused = threading.Event()

    def wait(error: CredentialsError, seconds: float) -> None:
        refused.set()
        (secret / "AWS_SECRET_ACCESS_KEY").write_text(right)

    with credentials.patient(wait):
        found = fetch_source(source, tmp_path / "cold")
        assert sorted(path.name for path in found.iterdir()) >= ["a.txt", "b.txt", "c.txt"]
        (secret / "AWS_SECRET_ACCESS_KEY").write_text("wrong")
        stages.save_checkpoint(2, folder)
    assert refused.is_set()
    assert [one.step for one in stages.checkpoints()] == [2, 1]
