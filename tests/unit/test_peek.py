"""What lies at a URI is opened in place, and of objects only what is asked for is fetched."""

from pathlib import Path

import pytest

from lingraft import peek
from lingraft.errors import UserError
from lingraft.peek import look
from lingraft.store.base import ArtifactStore
from lingraft.store.file import FileStore
from lingraft.store.uri import S3Location


def test_a_folder_and_a_file(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b/a.txt").write_text("one")
    (tmp_path / ".hidden").write_text("x")
    place = look(tmp_path.as_uri())
    assert (place.keys, place.single) == (("b/a.txt",), False)
    assert place.name("b/a.txt") == str(tmp_path / "b/a.txt")
    with place.open("b/a.txt") as stream:
        assert stream.read() == b"one"
    single = look((tmp_path / "b/a.txt").as_uri())
    assert single.single and single.name("") == str(tmp_path / "b/a.txt")
    assert look((tmp_path / "none").as_uri()).keys == ()


class Watched(FileStore):
    """A store that remembers which ranges were asked for."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.asked: list[tuple[int, int]] = []

    def get_range(self, key: str, start: int, size: int, *, if_match: str | None = None) -> bytes:
        self.asked.append((start, size))
        return super().get_range(key, start, size, if_match=if_match)


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    store = Watched(tmp_path)

    def opened(location: S3Location) -> tuple[ArtifactStore, str]:
        return store, location.key

    monkeypatch.setattr(peek, "s3_store", opened)
    return store


def test_an_object_is_fetched_by_ranges_as_far_as_it_is_read(bucket: Watched) -> None:
    data = bytes(range(256)) * 4096
    bucket.put("t/a", data)
    place = peek.Place(S3Location("bucket", "t/"), ("a",))
    assert place.name("a") == "s3://bucket/t/a"
    with place.open("a") as stream:
        assert bucket.asked == []
        assert stream.read(10) == data[:10]
        assert bucket.asked == [(0, peek.FIRST_RANGE)]
        rest = b""
        while more := stream.read(100_000):
            rest += more
    assert rest == data[10:]
    starts = [start for start, _ in bucket.asked]
    assert starts == sorted(starts) and len(starts) < 7, "requests grow"


def test_an_object_that_went_away_is_named(bucket: Watched) -> None:
    with (
        peek.Place(S3Location("bucket", "t/a"), ("",)).open("") as stream,
        pytest.raises(UserError, match="went away") as caught,
    ):
        stream.read(1)
    assert caught.value.where == "s3://bucket/t/a"
