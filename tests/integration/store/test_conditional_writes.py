"""Keys to bytes: conditions hold between threads and between processes, on both stores."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lingraft.errors import InfrastructureError
from lingraft.store import open_store
from lingraft.store.base import ArtifactStore, Conflict

WRITERS = 6


def test_get_put_delete_list(store: ArtifactStore) -> None:
    assert store.get("a/b.json") is None
    first = store.put("a/b.json", b"one")
    assert store.get("a/b.json") == (b"one", first)
    second = store.put("a/b.json", b"two")
    assert second != first
    store.put("a/c/d", b"")
    store.put("ab", b"xyz")
    listed = list(store.list("a/"))
    assert [(i.key, i.size) for i in listed] == [("a/b.json", 3), ("a/c/d", 0)]
    assert listed[0].etag == second
    assert abs(listed[0].modified - time.time()) < 60, "when it was written, in seconds"
    assert [i.key for i in store.list("a")] == ["a/b.json", "a/c/d", "ab"]
    store.delete("a/b.json")
    store.delete("a/b.json")
    store.delete("never/there")
    assert store.get("a/b.json") is None
    assert [i.key for i in store.list("")] == ["a/c/d", "ab"]
    store.delete_prefix("a/")
    assert [i.key for i in store.list("")] == ["ab"]


def test_conditions(store: ArtifactStore) -> None:
    with pytest.raises(Conflict):
        store.put("k", b"0", if_match='"no such"')
    old = store.put("k", b"1", if_absent=True)
    with pytest.raises(Conflict):
        store.put("k", b"2", if_absent=True)
    new = store.put("k", b"3", if_match=old)
    with pytest.raises(Conflict):
        store.put("k", b"4", if_match=old)
    assert store.get("k") == (b"3", new)


@pytest.mark.parametrize("condition", ["absent", "match"])
def test_one_of_many_threads_wins(store: ArtifactStore, condition: str) -> None:
    for turn in range(10):
        key = f"race/{turn}"
        how: dict[str, Any] = {"if_absent": True}
        if condition == "match":
            how = {"if_match": store.put(key, b"before")}

        def write(number: int, key: str = key, how: dict[str, Any] = how) -> bytes | None:
            data = f"writer {number}".encode()
            try:
                store.put(key, data, **how)
            except Conflict:
                return None
            return data

        with ThreadPoolExecutor(WRITERS) as pool:
            winners = [w for w in pool.map(write, range(WRITERS)) if w]
        found = store.get(key)
        assert found is not None and winners == [found[0]]


COUNTER = """
import sys
from lingraft.store import open_store
from lingraft.store.base import Conflict
store = open_store(sys.argv[1])
done = 0
while done < 15:
    found = store.get("counter")
    try:
        if found is None:
            store.put("counter", b"1", if_absent=True)
        else:
            store.put("counter", str(int(found[0]) + 1).encode(), if_match=found[1])
        done += 1
    except Conflict:
        pass
print("done", flush=True)
"""


def test_no_update_of_three_processes_is_lost(store_uri: str, child: Callable[..., Any]) -> None:
    children = [child(COUNTER, store_uri) for _ in range(3)]
    assert [c.line() for c in children] == ["done"] * 3
    found = open_store(store_uri).get("counter")
    assert found is not None and found[0] == b"45"


def test_an_objects_age_is_told_by_the_store(store: ArtifactStore) -> None:
    etag = store.put("a/b", b"1")
    assert 0 <= store.age("a/b", if_match=etag) < 60
    store.put("a/b", b"22")
    for key, tag in (("a/b", etag), ("a/c", etag)):
        with pytest.raises(Conflict):
            store.age(key, if_match=tag)


def test_an_s3_server_that_tells_no_date_is_named(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    store: Any = open_store(s3.uri)
    etag = store.put("a/b", b"1")
    head = store._client.head_object

    def dateless(**where: str) -> Any:
        answer = head(**where)
        answer["ResponseMetadata"]["HTTPHeaders"].pop("date")
        return answer

    monkeypatch.setattr(store._client, "head_object", dateless)
    with pytest.raises(InfrastructureError, match=r"a/b: .* without a Date"):
        store.age("a/b", if_match=etag)
