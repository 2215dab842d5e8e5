"""Two processes run one stage at once: one valid manifest, and the other says why it left."""

import os
import signal
from pathlib import Path

import pytest

from lingraft.stage import Progress, StageSpec
from lingraft.store import open_store
from lingraft.store.lease import Lease
from lingraft.store.stages import fetch_artifact
from lingraft_trainer.running.attempt import work
from lingraft_trainer.running.local import run_or_wait
from lingraft_trainer.running.runner import run
from tests.support.stages import contents, process, spec_of, store_of, wait_until
from tests.support.tiny import TARGET_WORDS, tiny_base, tiny_corpus, training

STEPS = 60


def spec(folder: Path, holder: str, store: str = "store") -> StageSpec:
    return spec_of(
        "embed",
        {"method": "Standard", "init": "random", "training": training(steps=STEPS)},
        folder / store,
        holder=holder,
        model=folder / "base",
        base=folder / "base",
        corpus=folder / "corpus",
    )


@pytest.fixture
def world(tmp_path: Path) -> Path:
    tiny_base("roberta", tmp_path / "base")
    tiny_corpus("roberta", TARGET_WORDS, tmp_path / "corpus")
    return tmp_path


def test_two_processes_at_once(world: Path) -> None:
    specs = [spec(world, "first"), spec(world, "second")]
    with process(specs[0], world) as one, process(specs[1], world) as other:
        errors = [running.communicate(timeout=240)[1] for running in (one, other)]
    codes = [one.returncode, other.returncode]
    # Whoever came second found it being written, or already done: depends on the machine.
    assert sorted(codes) in ([0, 0], [0, 3]), errors
    for code, text in zip(codes, errors, strict=True):
        if code:
            assert "is writing this stage and holds it for" in text
            assert "Traceback" not in text
    manifest = store_of(specs[0]).manifest()
    assert manifest is not None and manifest.holder in ("first", "second")
    fetch_artifact(open_store(specs[0].store), manifest, world / "cache")  # every sha256 is right


def test_the_second_is_told_who_is_at_work_and_leaves_nothing(world: Path) -> None:
    first, second = spec(world, "first"), spec(world, "second")
    environment = {"LINGRAFT_CHECKPOINT_SECONDS": "0"}
    with process(first, world, **environment) as running:
        wait_until(lambda: store_of(first).latest_checkpoint(), running=running)
        os.kill(running.pid, signal.SIGSTOP)  # so that it cannot end meanwhile
        with process(second, world) as late:
            _, errors = late.communicate(timeout=240)
        os.kill(running.pid, signal.SIGCONT)
        _, output = running.communicate(timeout=240)
    assert late.returncode == 3
    assert "first is writing this stage" in errors and "Traceback" not in errors
    assert running.returncode == 0, output
    home = world / "store" / second.stage.ref
    assert not (home / "second").exists(), "a loser leaves nothing in the store"


def test_a_local_run_waits_for_the_first_and_takes_its_result(world: Path) -> None:
    first, second = spec(world, "first"), spec(world, "second")
    with process(first, world, LINGRAFT_CHECKPOINT_SECONDS="0") as running:
        wait_until(lambda: store_of(first).latest_checkpoint(), running=running)
        os.kill(running.pid, signal.SIGSTOP)  # so that it cannot end meanwhile
        told: list[Progress] = []

        def tell(progress: Progress) -> None:
            told.append(progress)
            os.kill(running.pid, signal.SIGCONT)

        manifest = run_or_wait(second, tell)
    assert manifest.holder == "first"
    assert told[0].phase == "waiting for first, which is writing it"


def test_a_local_run_takes_over_from_one_that_dies(world: Path) -> None:
    first, second = spec(world, "first"), spec(world, "second")
    with process(first, world, LINGRAFT_CHECKPOINT_SECONDS="0") as running:
        wait_until(lambda: store_of(first).latest_checkpoint(), running=running)
        os.kill(running.pid, signal.SIGSTOP)

        def tell(progress: Progress) -> None:
            if progress.phase.startswith("waiting"):
                running.kill()
                Lease(open_store(first.store), first.stage, "first").release()

        manifest = run_or_wait(second, tell)
    assert manifest.holder == "second"


def test_a_late_writer_finds_the_first_ones_manifest_standing(world: Path) -> None:
    """Both think they hold the lease (one was paused past its expiry): one manifest stands."""
    first, second = spec(world, "first"), spec(world, "second")
    run(first)
    before = contents(first)
    work(second)  # below `run`, which would have seen that there is nothing to do
    manifest = store_of(second).manifest()
    assert manifest is not None and manifest.holder == "first"
    assert contents(second) == before
    assert run(second) == manifest
    lease = Lease(open_store(second.store), second.stage, "anybody").read()
    assert lease is not None and lease[0].released
