"""Directories, manifests and checkpoints on both stores, and what may go wrong with them."""

import hashlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from lingraft.errors import CorruptArtifactError
from lingraft.stage import Compute, Failure, Manifest, Progress, Result, Stage
from lingraft.store.base import ArtifactStore
from lingraft.store.lease import Lease
from lingraft.store.stages import StageStore, fetch_artifact, read_manifest

FILES = {
    "config.json": b"{}",
    "empty": b"",
    "tokenizer/vocab.txt": b"habari ya asubuhi\n" * 100,
    "model.safetensors": bytes(range(256)) * (20 * 4096),  # 20 MiB: three parts
}


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """A stage's output: small files and one that needs several parts."""
    folder = tmp_path / "out"
    for name, data in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def damage(store: ArtifactStore, key: str) -> None:
    """Flip one bit in the middle of an object, as a bad disk would."""
    found = store.get(key, most=1 << 30)
    assert found is not None
    data = bytearray(found[0])
    data[len(data) // 2] ^= 1
    place = store.local_path(key)
    if place is not None:
        place.write_bytes(data)
    else:
        store.put(key, bytes(data))


def publish(store: ArtifactStore, stage: Stage, output: Path, holder: str = "run-1") -> Manifest:
    mine = StageStore(store, stage, holder)
    return mine.publish(
        mine.upload(output), Result(metrics={"loss": 2.5}, compute=Compute(tokens=7)), {"torch": 2}
    )


def test_an_artifact_comes_back_as_it_was(
    store: ArtifactStore, stage: Stage, output: Path, tmp_path: Path
) -> None:
    assert read_manifest(store, stage.ref) is None
    manifest = publish(store, stage, output)
    assert read_manifest(store, stage.ref) == manifest
    assert {f.path: f.sha256 for f in manifest.files} == {
        name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()
    }
    cache = tmp_path / "cache"
    folder = fetch_artifact(store, manifest, cache)
    assert contents(folder) == FILES
    assert fetch_artifact(store, manifest, cache) == folder
    if store.local_path("") is not None:
        assert not cache.exists()  # read in place


def test_leftovers_of_an_earlier_attempt_do_not_join_the_artifact(
    store: ArtifactStore, stage: Stage, output: Path, tmp_path: Path
) -> None:
    mine = StageStore(store, stage, "run-1")
    (output / "leftover").write_bytes(b"of an attempt that died")
    mine.upload(output)
    (output / "leftover").unlink()
    manifest = publish(store, stage, output)
    assert contents(fetch_artifact(store, manifest, tmp_path / "cache")) == FILES


def test_two_writers_leave_one_valid_manifest(
    store: ArtifactStore, stage: Stage, output: Path, tmp_path: Path
) -> None:
    together = threading.Barrier(2)

    def write(holder: str) -> Manifest:
        mine = StageStore(store, stage, holder)
        files = mine.upload(output)
        together.wait(60)
        return mine.publish(files, Result(), {})

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(write, ["run-1", "run-2"])
    assert first == second == read_manifest(store, stage.ref)
    # A third one, late and with other bytes, changes nothing either.
    (output / "config.json").write_bytes(b'{"late": true}')
    assert publish(store, stage, output, "run-3") == first
    assert contents(fetch_artifact(store, first, tmp_path / "cache")) == FILES


@pytest.mark.parametrize("name", ["tokenizer/vocab.txt", "model.safetensors"])
def test_a_flipped_bit_is_found_and_named(
    store: ArtifactStore, stage: Stage, output: Path, tmp_path: Path, name: str
) -> None:
    manifest = publish(store, stage, output)
    damage(store, f"{stage.ref}/run-1/files/{name}")
    with pytest.raises(CorruptArtifactError, match=r"damaged.*delete the folder") as caught:
        fetch_artifact(store, manifest, tmp_path / "cache")
    assert caught.value.where == f"{store.uri}{stage.ref}/run-1/files/{name}"
    left = [p for p in (tmp_path / "cache").rglob("*") if p.name.startswith(".part-")]
    assert left == []


def test_a_missing_file_is_named(
    store: ArtifactStore, stage: Stage, output: Path, tmp_path: Path
) -> None:
    manifest = publish(store, stage, output)
    store.delete(f"{stage.ref}/run-1/files/config.json")
    with pytest.raises(CorruptArtifactError, match=r"config\.json.*missing"):
        fetch_artifact(store, manifest, tmp_path / "cache")


def test_a_manifest_that_is_not_one_is_named(store: ArtifactStore, stage: Stage) -> None:
    store.put(f"{stage.ref}/manifest.json", b'{"files": ')
    with pytest.raises(CorruptArtifactError, match="no valid Manifest") as caught:
        read_manifest(store, stage.ref)
    assert caught.value.where.endswith(f"{stage.ref}/manifest.json")


KILLED = """
import sys, threading
from pathlib import Path
from lingraft.stage import Stage
from lingraft.store import open_store
from lingraft.store.lease import Lease, local_holder
from lingraft.store.stages import StageStore
uri, stage, output, what = sys.argv[1:]
store, stage, holder = open_store(uri), Stage.model_validate_json(stage), local_holder()
Lease(store, stage, holder).acquire()

def stop():
    print(holder, flush=True)
    threading.Event().wait()

if what == "part":  # in the middle of the large file
    if hasattr(store, "_client"):
        send = store._client.upload_part
        store._client.upload_part = lambda **k: stop() if k["PartNumber"] == 2 else send(**k)
    else:
        import lingraft.store.file as file
        def copy(source, target):
            target.write(source.read(1000))
            stop()
        file.copy_hashed = copy
else:  # between two files
    put_file = store.put_file
    store.put_file = lambda k, p: stop() if "vocab" in k else put_file(k, p)
mine = StageStore(store, stage, holder)
if what == "checkpoint":
    mine.save_checkpoint(10, Path(output))
mine.upload(Path(output))
print("not stopped", flush=True)
"""


@pytest.mark.parametrize("what", ["file", "part", "checkpoint"])
def test_an_upload_killed_half_way_leaves_nothing_that_looks_complete(
    store: ArtifactStore,
    store_uri: str,
    stage: Stage,
    output: Path,
    tmp_path: Path,
    child: Callable[..., Any],
    what: str,
) -> None:
    victim = child(KILLED, store_uri, stage.model_dump_json(), str(output), what)
    holder = victim.line()
    assert holder.startswith("local-")
    victim.kill()
    assert read_manifest(store, stage.ref) is None
    # The dead run's lease is taken over at once, not after it expires.
    Lease(store, stage, "run-2").acquire()
    second = StageStore(store, stage, "run-2")
    assert second.latest_checkpoint() is None
    assert second.manifest() is None
    manifest = publish(store, stage, output, "run-2")
    assert manifest.holder == "run-2"
    assert contents(fetch_artifact(store, manifest, tmp_path / "cache")) == FILES


def test_the_furthest_complete_checkpoint_of_any_holder(
    store: ArtifactStore, stage: Stage, tmp_path: Path
) -> None:
    clock = [datetime(2026, 1, 1, tzinfo=UTC)]
    first = StageStore(store, stage, "run-1", now=lambda: clock[0])
    second = StageStore(store, stage, "run-2", now=lambda: clock[0])
    state = tmp_path / "state"
    state.mkdir()

    def save(by: StageStore, step: int) -> None:
        (state / "state.json").write_text(f"at {step}")
        (state / "checkpoint.json").write_text("a file of this name inside is nothing special")
        by.save_checkpoint(step, state)

    assert first.latest_checkpoint() is None
    for step in (1, 2, 3):
        clock[0] += timedelta(seconds=1)
        save(first, step)
    save(second, 2)
    found = first.latest_checkpoint()
    assert found is not None and (found.holder, found.step) == ("run-1", 3)
    steps = [(c.holder, c.step) for c in second.checkpoints()]
    assert steps == [("run-1", 3), ("run-2", 2), ("run-1", 2)]  # step 1 went
    assert list(store.list(f"{stage.ref}/run-1/checkpoints/step-1/")) == []
    clock[0] -= timedelta(minutes=6)  # the next machine's clock is slow
    save(second, 4)
    found = first.latest_checkpoint()
    assert found is not None and (found.holder, found.step) == ("run-2", 4)
    first.load_checkpoint(found, tmp_path / "loaded")
    assert (tmp_path / "loaded/state.json").read_text() == "at 4"
    store.delete(f"{stage.ref}/run-2/checkpoints/step-4/checkpoint.json")  # incomplete now
    found = first.latest_checkpoint()
    assert found is not None and (found.holder, found.step) == ("run-1", 3)
    save(first, 1)  # its own were damaged: what it just wrote stays
    steps = [(c.holder, c.step) for c in first.checkpoints()]
    assert steps == [("run-1", 3), ("run-2", 2), ("run-1", 1)]


def test_when_a_stage_is_done_nothing_of_any_checkpoint_stays(
    store: ArtifactStore, stage: Stage, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (output / "checkpoints").mkdir()
    (output / "checkpoints/checkpoint.json").write_text("a file of the artifact")
    mine, theirs = (StageStore(store, stage, f"run-{n}") for n in (1, 2))
    mine.save_checkpoint(1, output)
    theirs.save_checkpoint(2, output)
    # Two whose uploads were killed: these are not declared.
    store.put(f"{stage.ref}/run-1/checkpoints/step-2/files/state.json", b"{}")
    store.put(f"{stage.ref}/run-3/checkpoints/step-9/files/checkpoint.json", b"{}")
    publish(store, stage, output)
    artifact = {info.key for info in store.list(f"{stage.ref}/run-1/files/")}
    deleted: list[str] = []
    delete = store.delete
    monkeypatch.setattr(store, "delete", lambda key: (deleted.append(key), delete(key))[1])
    mine.drop_checkpoints()
    left = {info.key for info in store.list("")}
    assert not [key for key in left if key.split("/")[3:4] == ["checkpoints"]]
    assert artifact < left and f"{stage.ref}/manifest.json" in left
    declared = [f"{stage.ref}/run-{n}/checkpoints/step-{n}/checkpoint.json" for n in (1, 2)]
    assert sorted(deleted[:2]) == declared, "these must go first"


def test_a_checkpoint_may_arrive_while_they_are_removed(
    store: ArtifactStore, stage: Stage, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two writers: one is done while the other still sends. It breaks neither of them."""
    first, second = (StageStore(store, stage, f"run-{n}") for n in (1, 2))
    upload = store.upload

    def late(local: Path, prefix: str) -> Any:
        files = upload(local, prefix)
        if "/checkpoints/" in prefix:
            publish(store, stage, output)
            first.drop_checkpoints()
        return files

    monkeypatch.setattr(store, "upload", late)
    checkpoint = second.save_checkpoint(7, output)
    with pytest.raises(CorruptArtifactError, match="missing"):  # then an older one is tried
        second.load_checkpoint(checkpoint, output.parent / "loaded")
    assert publish(store, stage, output, "run-2").holder == "run-1"
    second.drop_checkpoints()
    assert not [info.key for info in store.list(f"{stage.ref}/run-2/checkpoints/")]


def test_a_damaged_checkpoint_is_named(store: ArtifactStore, stage: Stage, output: Path) -> None:
    mine = StageStore(store, stage, "run-1")
    checkpoint = mine.save_checkpoint(5, output)
    damage(store, f"{stage.ref}/run-1/checkpoints/step-5/files/config.json")
    with pytest.raises(CorruptArtifactError, match=r"step-5/files/config\.json"):
        mine.load_checkpoint(checkpoint, output.parent / "loaded")


def test_progress_and_failure(store: ArtifactStore, stage: Stage) -> None:
    mine = StageStore(store, stage, "run-1")
    assert mine.read_failure("run-1") is None
    mine.write_progress(Progress(step=3, steps=9, loss=float("nan")))
    progress = mine.read_progress("run-1")
    assert progress is not None and progress.step == 3 and progress.loss is None
    assert progress.updated_at.endswith("+00:00")
    failure = Failure(failure_class="user", reason="NoSuchFile", message="say what", where="x")
    mine.write_failure(failure)
    assert StageStore(store, stage, "other").read_failure("run-1") == failure


FETCH = """
import sys
from pathlib import Path
from lingraft.store import open_store
from lingraft.store.stages import fetch_artifact, read_manifest
store = open_store(sys.argv[1])
fetches = []
get_file = store.get_file
store.get_file = lambda *a, **k: (fetches.append(a), get_file(*a, **k))[1]
print(fetch_artifact(store, read_manifest(store, sys.argv[2]), Path(sys.argv[3])), len(fetches))
"""


def test_concurrent_processes_download_once(
    store: ArtifactStore,
    store_uri: str,
    stage: Stage,
    output: Path,
    tmp_path: Path,
    child: Callable[..., Any],
) -> None:
    publish(store, stage, output)
    cache = tmp_path / "cache"
    children = [child(FETCH, store_uri, stage.ref, str(cache)) for _ in range(3)]
    answers = [c.line().rsplit(" ", 1) for c in children]
    assert len({folder for folder, _ in answers}) == 1
    expected = 0 if store.local_path("") is not None else len(FILES)
    assert sum(int(count) for _, count in answers) == expected
    assert contents(Path(answers[0][0])) == FILES


def test_a_damaged_cache_is_downloaded_again(s3: Any, stage: Stage, output: Path) -> None:
    from lingraft.store import open_store

    store = open_store(s3.uri)
    manifest = publish(store, stage, output)
    folder = fetch_artifact(store, manifest, output.parent / "cache")
    (folder / "config.json").write_bytes(b"[]")
    os.unlink(folder / "empty")
    assert contents(fetch_artifact(store, manifest, output.parent / "cache")) == FILES


def test_a_file_stores_uri_names_its_folder(tmp_path: Path) -> None:
    from lingraft.store import open_store

    store = open_store((tmp_path / "ein Ort").as_uri())
    store.put("a/b", b"")
    assert Path(unquote(store.uri.removeprefix("file://")), "a/b").is_file()


def test_ranges_of_an_object(store: ArtifactStore) -> None:
    store.put("a/b", b"0123456789")
    store.put("empty", b"")
    for start, size, expected in ((0, 4, b"0123"), (3, 1, b"3"), (8, 9, b"89"), (10, 5, b"")):
        assert store.get_range("a/b", start, size) == expected
    assert store.get_range("a/b", 99, 1) == store.get_range("empty", 0, 9) == b""
    with pytest.raises(FileNotFoundError):
        store.get_range("a/c", 0, 1)
