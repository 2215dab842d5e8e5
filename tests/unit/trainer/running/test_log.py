"""What a trainer said is in the store whatever ends it, is bounded, and tells no secret."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from lingraft.errors import InfrastructureError, LingraftError, UserError
from lingraft.limits import NOTE_BYTES
from lingraft.stage import Progress, Result, Stage, StageSpec
from lingraft.store import open_store
from lingraft.store.logs import Logs
from lingraft_trainer.running import attempt, heartbeat, runner
from lingraft_trainer.running.context import StageContext
from lingraft_trainer.running.log import HolderLog

STAGE = Stage(kind="mini", params={}, inputs={})
Work = Callable[[StageContext], Result]


@pytest.fixture
def spec(tmp_path: Path) -> StageSpec:
    return StageSpec(stage=STAGE, store=(tmp_path / "store").as_uri() + "/", holder="me")


def log_of(spec: StageSpec) -> str:
    return Logs(open_store(spec.store), spec.stage).read("me")


def does(monkeypatch: pytest.MonkeyPatch, work: Work) -> None:
    monkeypatch.setattr(attempt, "stage_function", lambda kind: work)


def test_of_a_failure_the_traceback_with_its_cause(
    spec: StageSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(ctx: StageContext) -> Result:
        ctx.report(Progress(step=3, steps=9, phase="training", loss=2.5))
        logging.getLogger("lingraft_trainer.somewhere").warning("a row was left out")
        return {}["no such key"]

    does(monkeypatch, fail)
    with pytest.raises(LingraftError):
        attempt.work(spec, name="sw/mini")
    said = log_of(spec)
    assert "sw/mini: mini/" in said.splitlines()[0]
    assert "training  3/9  loss 2.500" in said and "a row was left out" in said
    assert "in fail" in said and "KeyError: 'no such key'" in said
    assert said.rstrip().endswith("LingraftError: KeyError: 'no such key'")
    assert not [h for h in logging.getLogger().handlers if isinstance(h, HolderLog)]


def test_of_one_that_is_stopped(spec: StageSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(ctx: StageContext) -> Result:
        raise KeyboardInterrupt

    does(monkeypatch, stopped)
    with pytest.raises(KeyboardInterrupt):
        attempt.work(spec)
    assert log_of(spec).rstrip().endswith("stopped: by a signal, or to give way")


def test_it_is_there_before_the_end(spec: StageSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trainer that is killed says nothing any more."""
    monkeypatch.setattr(heartbeat, "HEARTBEAT_SECONDS", 0.001)
    seen: list[str] = []

    def work(ctx: StageContext) -> Result:
        ctx.report(Progress(step=1, steps=9, phase="training"))
        while "training" not in (found := log_of(spec)):
            pass
        seen.append(found)
        raise UserError("over")

    does(monkeypatch, work)
    with pytest.raises(UserError):
        attempt.work(spec)
    assert seen


def test_workers_that_were_killed_are_told_of_by_who_waited_for_them(
    spec: StageSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(spec: StageSpec, name: str) -> None:
        Logs(open_store(spec.store), spec.stage).write("me", "training 1/9\n")
        raise InfrastructureError("a Ray worker was lost")

    monkeypatch.setattr(runner, "_on_ray", killed)
    workers = spec.execution.model_copy(update={"workers": 2})
    with pytest.raises(InfrastructureError):
        runner.run(spec.model_copy(update={"execution": workers}))
    assert log_of(spec).startswith("training 1/9\nTraceback")
    assert log_of(spec).endswith("InfrastructureError: a Ray worker was lost\n")


def test_only_its_end_is_kept(spec: StageSpec) -> None:
    with HolderLog(spec) as log:
        for number in range(5000):
            log.say(f"line {number} " + "ä" * 100)
    said = log_of(spec)
    assert len(said.encode()) <= NOTE_BYTES
    assert said.startswith("(what was said before is left out)\n")
    assert "line 4999 " in said and said.endswith("Z done\n") and "line 0 " not in said


def test_one_line_that_is_too_long(spec: StageSpec) -> None:
    with HolderLog(spec) as log:
        log.say("x" * 10 * NOTE_BYTES)
    assert len(log_of(spec)) <= NOTE_BYTES


@pytest.mark.parametrize(
    "name", ["AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "MLFLOW_TRACKING_PASSWORD", "AWS_ACCESS_KEY_ID"]
)
def test_a_secret_of_the_environment_is_not_told(
    spec: StageSpec, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "hush-hush+/=")

    def fail(ctx: StageContext) -> Result:
        logging.getLogger().error("with %s", "hush-hush+/=")
        raise ValueError("a server said hush-hush+/= to this")

    does(monkeypatch, fail)
    with pytest.raises(LingraftError):
        attempt.work(spec)
    assert "a server said *** to this" in log_of(spec) and "hush" not in log_of(spec)


def test_a_mounted_secret_and_what_urls_hold_are_not_told(
    spec: StageSpec, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LINGRAFT_CREDENTIALS", str(tmp_path))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        (tmp_path / name).write_text(f"mounted-{name}")
    with HolderLog(spec) as log:
        log.say("mounted-AWS_SECRET_ACCESS_KEY http://me:pass@proxy:3128/ /tmp/a:b@c")
        log.say("https://s3/b/k?X-Amz-Date=2&X-Amz-Signature=5a5b&X-Amz-Credential=AK/1&x=1")
    said = log_of(spec)
    assert "*** http://***proxy:3128/ /tmp/a:b@c" in said
    assert "X-Amz-Date=2&X-Amz-***&X-Amz-***&x=1" in said


def test_a_store_that_is_away_at_the_end_hides_nothing(
    spec: StageSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise InfrastructureError("the store does not answer")

    monkeypatch.setattr(Logs, "write", away)
    with pytest.raises(UserError, match="wrong"), HolderLog(spec):
        raise UserError("wrong")
