"""However much a store sends, and however slowly: what is read has an end."""

import time
from collections.abc import Iterator

import pytest

from lingraft.errors import InfrastructureError, LingraftError, TooLargeError
from lingraft.store.budget import within
from lingraft.store.disk import in_parallel
from lingraft.store.s3 import S3Store
from tests.support.bad_s3 import Answer, BadS3, bad_s3

HUGE = 300 << 20


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[BadS3]:
    with bad_s3(monkeypatch) as server:
        yield server


@pytest.fixture
def store(server: BadS3) -> S3Store:
    return S3Store("bucket", "prefix")


def huge(answer: Answer) -> None:
    answer.head(HUGE)
    answer.pieces(HUGE)


def test_a_manifest_of_300_mb_is_refused_and_hardly_read(server: BadS3, store: S3Store) -> None:
    server.behave = huge
    with pytest.raises(TooLargeError, match=r"314,572,800 bytes; at most 4,096 .*Limits") as caught:
        store.get("embed/0/manifest.json")
    assert caught.value.where == "s3://bucket/prefix/embed/0/manifest.json"
    assert server.sent < 32 << 20


def test_a_server_that_knows_no_ranges_sends_no_more_than_asked_for(
    server: BadS3, store: S3Store
) -> None:
    server.behave = huge
    assert len(store.get_range("task.jsonl", 0, 1000)) == 1000
    assert server.sent < 32 << 20


def hang(answer: Answer) -> None:
    answer.head(1000)
    answer.wfile.write(b"x")
    answer.wfile.flush()
    answer.server.over.wait()


def drip(answer: Answer) -> None:
    answer.head(1 << 20)
    while not answer.server.over.wait(0.01):
        answer.wfile.write(b"x")
        answer.wfile.flush()


@pytest.mark.parametrize("behave", [hang, drip])
def test_a_body_that_never_ends_ends_with_the_time_that_is_allowed(
    server: BadS3, store: S3Store, behave: object
) -> None:
    server.behave = behave  # type: ignore[assignment]
    began = time.monotonic()
    with within(0.3), pytest.raises(InfrastructureError, match=r"too slow: .*more than 0 s"):
        store.get("corpus/0/lease.json")
    assert time.monotonic() - began < 5
    assert server.asked <= 2


def test_threads_share_the_time_of_who_started_them(server: BadS3, store: S3Store) -> None:
    server.behave = drip
    with within(0.3), pytest.raises(InfrastructureError, match="too slow"):
        in_parallel(lambda key: store.get(key), ["a", "b", "c"])
    asked = server.asked
    with within(-1), pytest.raises(InfrastructureError, match="too slow"):
        store.get("d")
    assert server.asked == asked, "what comes too late is not asked for"


def test_redirects_have_an_end(server: BadS3, store: S3Store) -> None:
    def redirect(answer: Answer) -> None:
        where = f"http://127.0.0.1:{answer.server.server_port}{answer.path}?again"
        answer.head(0, 307, Location=where, x_amz_bucket_region="eu-west-1")

    server.behave = redirect
    with pytest.raises(LingraftError):
        store.get("manifest.json")
    assert server.asked < 10
