"""What is told of an attempt when the store goes away at its end."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lingraft.errors import InfrastructureError, UserError
from lingraft.stage import Compute, Result, Stage, StageSpec
from lingraft.store import open_store
from lingraft.store.lease import Lease
from lingraft.store.stages import StageStore, read_manifest
from lingraft_trainer.running import attempt
from lingraft_trainer.running.context import StageContext

STAGE = Stage(kind="mini", params={}, inputs={})


@pytest.fixture
def spec(tmp_path: Path) -> StageSpec:
    return StageSpec(stage=STAGE, store=(tmp_path / "store").as_uri() + "/", holder="me")


def does(monkeypatch: pytest.MonkeyPatch, work: Callable[[StageContext], Result]) -> None:
    """Let this be the stage's work."""
    monkeypatch.setattr(attempt, "stage_function", lambda kind: work)


def away(*_: object) -> None:
    raise InfrastructureError("the store does not answer")


def test_a_store_that_is_away_does_not_hide_what_broke(
    spec: StageSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(ctx: StageContext) -> Result:
        for part, name in ((Lease, "renew"), (Lease, "release"), (StageStore, "write_failure")):
            monkeypatch.setattr(part, name, away)
        raise UserError("this corpus is empty")

    does(monkeypatch, fail)
    with pytest.raises(UserError, match="this corpus is empty"):
        attempt.work(spec)


@pytest.mark.parametrize("part", [(Lease, "release"), (StageStore, "drop_checkpoints")])
def test_a_stage_that_is_done_stays_done(
    spec: StageSpec, monkeypatch: pytest.MonkeyPatch, part: tuple[type, str]
) -> None:
    def succeed(ctx: StageContext) -> Result:
        (ctx.out / "config.json").write_text("{}")
        monkeypatch.setattr(*part, away)
        return Result(metrics={}, compute=Compute())

    does(monkeypatch, succeed)
    attempt.work(spec)
    store = open_store(spec.store)
    assert read_manifest(store, STAGE.ref) is not None
    assert StageStore(store, STAGE, "me").read_failure("me") is None
