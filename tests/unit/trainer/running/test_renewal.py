"""A trainer whose credentials are refused says so, waits, and knows when to give up."""

from collections.abc import Callable

import pytest

from lingraft.errors import CredentialsError
from lingraft.store import credentials
from lingraft_trainer.running import renewal
from lingraft_trainer.running.renewal import PATIENCE_SECONDS, awaited

REFUSED = CredentialsError("ExpiredToken")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewal, "LOOK_SECONDS", 0.0)
    credentials.accepted("bucket", "get")


def refuse(seconds: float) -> None:
    credentials.refused(REFUSED, "bucket", "get", seconds)


@pytest.mark.parametrize(
    ("machine", "renewable", "for_ever"),
    [("cluster", True, False), ("own", True, True), ("own", False, False)],
)
def test_how_long_it_waits(
    monkeypatch: pytest.MonkeyPatch, machine: str, renewable: bool, for_ever: bool
) -> None:
    monkeypatch.setattr(renewal, "one_machine", lambda: machine == "own")
    monkeypatch.setattr(credentials, "renewable", lambda: renewable)
    told: list[str] = []
    with awaited(told.append):
        refuse(PATIENCE_SECONDS - 1)
        assert told == ["waiting for new credentials: ExpiredToken"]
        if for_ever:
            refuse(PATIENCE_SECONDS * 1000)
        else:
            with pytest.raises(CredentialsError):
                refuse(PATIENCE_SECONDS)


def test_nobody_waits_once_the_stage_is_over() -> None:
    waits: list[Callable[[CredentialsError, float], None]] = []
    with awaited(lambda words: None):
        waits += credentials._waits
    with pytest.raises(CredentialsError):
        refuse(0.0)
    with pytest.raises(CredentialsError):  # a thread that was about to
        waits[-1](REFUSED, 0.0)
