"""While something is lacking the operator lives, is not ready, and goes on by itself."""

import logging
import os
import signal
from collections.abc import Iterator

import pytest
import urllib3

from lingraft_operator.cluster import Unavailable
from lingraft_operator.start import waiting
from lingraft_operator.start.waiting import wait_for
from tests.cluster.bed.processes import free_ports


def probe(port: int, query: str = "") -> tuple[int, str]:
    url = f"http://127.0.0.1:{port}/healthz{query}"
    found = urllib3.request("GET", url, retries=False, timeout=10)
    return found.status, found.data.decode()


def test_it_is_alive_and_not_ready_until_all_is_there(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(waiting, "AGAIN_SECONDS", 0.001)
    port = free_ports(1)[0]

    def answers() -> Iterator[str | None]:
        yield "KubeRay is too old"
        assert probe(port)[0] == 200
        assert probe(port, "?ready") == (503, "waiting: KubeRay is too old\n")
        yield "KubeRay is too old still"
        yield None

    told = answers()
    with caplog.at_level(logging.WARNING):
        assert wait_for(lambda: next(told), "127.0.0.1", port)
    assert [one.getMessage() for one in caplog.records] == [
        "waiting: KubeRay is too old",
        "waiting: KubeRay is too old still",
    ]
    with pytest.raises(urllib3.exceptions.HTTPError):
        probe(port)  # kopf's probes come to this port


def test_an_api_server_that_goes_meanwhile_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "AGAIN_SECONDS", 0.001)
    told: Iterator[str | Exception | None] = iter(["old", Unavailable("503"), None])

    def lacking() -> str | None:
        if isinstance(found := next(told), Exception):
            raise found
        return found

    assert wait_for(lacking, "127.0.0.1", free_ports(1)[0])


def test_a_signal_ends_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "AGAIN_SECONDS", 0.001)
    former = signal.getsignal(signal.SIGTERM)

    def lacking() -> str:
        if signal.getsignal(signal.SIGTERM) is not former:
            os.kill(os.getpid(), signal.SIGTERM)
        return "KubeRay"

    assert not wait_for(lacking, "127.0.0.1", free_ports(1)[0])
    assert signal.getsignal(signal.SIGTERM) is former


def test_nothing_is_served_where_nothing_is_lacking() -> None:
    assert wait_for(lambda: None, "256.0.0.1", -1)
