"""Task files in a bucket are looked at by ranges, before anything is spent."""

import json
from pathlib import Path
from typing import Any

import pytest

from lingraft.errors import UserError
from lingraft.planning import plan_resource
from lingraft.resource import LanguageAdaptation
from lingraft.store import open_store
from lingraft.store.base import ArtifactStore
from lingraft.store.s3 import S3Store
from lingraft.task_files import FIRST_BYTES
from tests.support.world import resource_of, write_world


@pytest.fixture
def bucket(s3: Any, tmp_path: Path) -> ArtifactStore:
    store = open_store(s3.uri)
    store.upload(write_world(tmp_path / "world"), "world/")
    return store


def resource(bucket: ArtifactStore) -> LanguageAdaptation:
    return resource_of("MiniJoint", f"{bucket.uri}world/", f"{bucket.uri}store/")


def test_a_wrong_file_is_told_by_its_field_and_line(bucket: ArtifactStore) -> None:
    plan_resource(resource(bucket))
    rows = [{"text": "a", "label": "sea"}, {"text": "b", "label": "moon"}]
    bucket.put("world/fr-test.jsonl", "\n".join(json.dumps(row) for row in rows).encode())
    bucket.put("world/pairs.jsonl", b'{"source": "a"}\n')
    with pytest.raises(UserError) as caught:
        plan_resource(resource(bucket))
    first, second = str(caught.value).splitlines()
    where = f"{bucket.uri}world/fr-test.jsonl:2"
    assert first.startswith(f"spec.tasks[0].test: {where}: unknown label 'moon'")
    assert second.startswith(f"spec.tasks[1].test: {bucket.uri}world/pairs.jsonl:1: the field 'ta")


def test_little_of_a_large_object_is_fetched(
    bucket: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = json.dumps({"text": "x" * 500, "label": "sea"})
    rows = f"{row}\n" * 20_000 + json.dumps({"text": "x", "label": "farm"})
    bucket.put("world/en-train.jsonl", rows.encode())
    fetched: list[int] = []
    before = S3Store.get_range

    def counted(self: S3Store, key: str, start: int, size: int) -> bytes:
        fetched.append(size)
        return before(self, key, start, size)

    monkeypatch.setattr(S3Store, "get_range", counted)
    plan_resource(resource(bucket))
    assert len(fetched) == 4 and max(fetched) == FIRST_BYTES, "one request for each file"
