"""An S3-compatible server that lacks what writers rely on is told of before anything is written."""

import pytest

from lingraft.errors import CredentialsError, UnsuitableStoreError
from lingraft.publish import Place
from lingraft.stage import Result, Stage, StageSpec
from lingraft.store import open_store
from lingraft.store.json_object import write_object
from lingraft.store.s3 import S3Store
from lingraft.store.s3_client import is_amazon
from lingraft.store.stages import StageStore
from lingraft_trainer.running import attempt
from lingraft_trainer.running.context import StageContext
from tests.support.plain_s3 import Fault, plain_s3
from tests.support.publishing import version

STAGE = Stage(kind="mini", params={}, inputs={})
LACKING: dict[Fault, str] = {
    "ignores conditions": r"127.0.0.1:\d+ ignores conditional writes \(If-None-Match\), without "
    "which two trainers would write one stage: use an S3 server that has them",
    "refuses conditions": r"refuses \(NotImplemented\) conditional writes",
    "refuses checksums": r"refuses an object that has a CRC32 checksum \(NotImplemented\): use",
    "mangles": "gives back another object than was written with a CRC32 checksum",
}
EACH = pytest.mark.parametrize("fault", LACKING)


@EACH
def test_what_a_server_lacks_is_one_sentence(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    with plain_s3(monkeypatch, fault) as server:
        with pytest.raises(UnsuitableStoreError, match=LACKING[fault]) as caught:
            open_store("s3://bucket/prefix/").check_writes()
        assert caught.value.where == "s3://bucket/prefix/" and "\n" not in caught.value.message
        assert not server.objects, "what was tried is left"


@EACH
def test_no_stage_is_worked_on_there(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(ctx: StageContext) -> Result:
        raise AssertionError("a stage is at work over a store that keeps no lease")

    monkeypatch.setattr(attempt, "stage_function", lambda kind: work)
    with plain_s3(monkeypatch, fault) as server:
        spec = StageSpec(stage=STAGE, store="s3://bucket/prefix/", holder="me")
        with pytest.raises(UnsuitableStoreError, match=LACKING[fault]):
            attempt.work(spec)
        left = {key.rpartition("/")[2] for key in server.objects}
        assert left <= {"failure.json"}
        if "conditions" in fault:  # the operator reads why
            said = StageStore(open_store(spec.store), STAGE, "me").read_failure("me")
            assert said is not None and said.failure_class == "outside"
            assert said.reason == "UnsuitableStoreError"


def test_a_server_that_has_them_is_asked_once_and_left_clean(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with plain_s3(monkeypatch, "") as server:
        open_store("s3://bucket/prefix/").check_writes()
        assert server.writes == 1 and not server.objects
        open_store("s3://bucket/prefix/").check_writes()
        assert server.writes == 1


def test_keys_that_may_not_write_are_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    with plain_s3(monkeypatch, "read-only"), pytest.raises(CredentialsError):
        S3Store("bucket", "").check_writes()


def test_amazon_s_own_is_not_asked() -> None:
    assert is_amazon("s3.eu-west-1.amazonaws.com:443") and is_amazon("s3.amazonaws.com")
    assert not is_amazon("s3.amazonaws.com.example") and not is_amazon("127.0.0.1:9000")


def test_a_place_to_publish_at_is_tried_before_readers_are_led_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with plain_s3(monkeypatch, "ignores conditions"):
        place = Place(open_store("s3://bucket/published/"))
        with pytest.raises(UnsuitableStoreError):
            place.make_current(version("first", ()))
        assert place.current() is None


def test_a_roll_back_takes_the_right_to_write_current_json_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with plain_s3(monkeypatch, "") as server:
        store = open_store("s3://bucket/published/")
        place = Place(store)
        for name in ("first", "second"):
            write_object(store, f"{name}/published.json", version(name, ()))
            place.make_current(version(name, ()))
        server.fault = "current.json only"  # what docs/packs.md says of the operator's identity
        monkeypatch.setattr("lingraft.store.s3._tried", set[tuple[str, str]]())  # another process
        assert place.roll_back("first").version == "first"
        current = place.current()
        assert current is not None and current.version == "first"
