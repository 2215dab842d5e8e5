"""Publishing to a real S3 server and to a folder: killed at every write, a reader finds a whole."""

from contextlib import suppress
from pathlib import Path

import pytest

from lingraft.publish.fetch import fetch_current
from lingraft.store.base import ArtifactStore
from tests.support.dying import Died, Dying
from tests.support.publishing import publish, read


@pytest.mark.parametrize("done", [False, True])
def test_killed_at_every_write(store: ArtifactStore, done: bool, tmp_path: Path) -> None:
    assert publish(store, tmp_path, "old") == "old"
    for writes in range(6):
        name = f"new{writes}"
        with suppress(Died):
            publish(Dying(store, writes, done=done), tmp_path, name)
        assert read(store) in ("old", name, f"new{writes - 1}")
        assert publish(store, tmp_path, name) == read(store) == name
    folder = fetch_current(store.uri, tmp_path / "cache")
    assert folder is not None and (folder / "pack.json").read_text() == "new5"
