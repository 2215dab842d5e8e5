"""`python -m lingraft_trainer`: where its spec may stand, and what its exit codes say."""

import io
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from lingraft.errors import (
    CredentialsError,
    InfrastructureError,
    LingraftError,
    OutsideError,
    StageBusyError,
    UserError,
)
from lingraft.stage import Compute, Manifest, Stage, StageSpec
from lingraft_trainer import __main__ as entry
from lingraft_trainer.running import runner

SPEC = StageSpec(stage=Stage(kind="mini", params={}, inputs={}), store="file:///store", holder="me")
TEXT = SPEC.model_dump_json(by_alias=True)


@pytest.fixture(autouse=True)
def ran(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[StageSpec]]:
    """The specs that were run; none is for real. `main` takes SIGTERM for itself."""
    found: list[StageSpec] = []

    def run(spec: StageSpec, *, name: str) -> Manifest:
        found.append(spec)
        return Manifest(
            stage=spec.stage,
            holder=spec.holder,
            files=(),
            metrics={},
            compute=Compute(),
            environment={},
            created_at="2026-01-01T00:00:00Z",
        )

    monkeypatch.setattr(runner, "run", run)
    before = signal.getsignal(signal.SIGTERM)
    yield found
    signal.signal(signal.SIGTERM, before)


def test_a_spec_may_stand_in_a_file_on_stdin_or_in_the_environment(
    ran: list[StageSpec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "spec.json").write_text(TEXT)
    monkeypatch.setattr("sys.stdin", io.StringIO(TEXT))
    monkeypatch.setenv("STAGE", TEXT)
    for argument in (str(tmp_path / "spec.json"), "-", "env:STAGE"):
        assert entry.main([argument]) == 0
    assert ran == [SPEC, SPEC, SPEC]


@pytest.mark.parametrize("argument", ["env:LINGRAFT_NOT_SET", "env:", "env:HOME", "/no/such/file"])
def test_no_spec_is_an_error_of_the_user(
    ran: list[StageSpec], capsys: pytest.CaptureFixture[str], argument: str
) -> None:
    assert entry.main([argument]) == 2
    assert f"error: {argument}: not a stage spec" in capsys.readouterr().err
    assert not ran


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (LingraftError("x"), 1),
        (InfrastructureError("x"), 1),
        (UserError("x"), 2),
        (StageBusyError("x"), 3),
        (CredentialsError("x"), 4),
        (OutsideError("x"), 4),
        (KeyboardInterrupt(), 130),
    ],
    ids=repr,
)
def test_exit_codes(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
) -> None:
    def run(spec: StageSpec, *, name: str) -> Manifest:
        raise error

    monkeypatch.setattr(runner, "run", run)
    monkeypatch.setenv("STAGE", TEXT)
    assert entry.main(["env:STAGE"]) == code
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_help_tells_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert entry.main(["--help"]) == 0
    told = capsys.readouterr().err
    assert "env:NAME" in told and "3 another holder" in told
