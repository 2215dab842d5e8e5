"""What somebody puts into a bucket costs its reader little, whatever it is."""

import bz2
import gzip
import json
import lzma
import struct
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lingraft import gguf, limits, sources
from lingraft.errors import LingraftError, TooLargeError, UserError
from lingraft.files import BadFileError, load_resources
from lingraft.formats import files
from lingraft.formats.wanted import Wanted
from lingraft.gguf import config_of_gguf
from lingraft.pins import UnsortedError, pinned
from lingraft.planning import plan_resource
from lingraft.resource import LanguageAdaptation
from lingraft.sources import fingerprint, pin
from lingraft.stage import Stage
from lingraft.store.base import ObjectInfo
from lingraft.store.file import FileStore
from lingraft.store.stages import StageStore
from lingraft.store.uri import S3Location
from lingraft.task_files import first_rows


@contextmanager
def at_most_mib(most: float) -> Iterator[None]:
    """Python allocates no more than that meanwhile."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()
    assert peak < most, f"{peak:.1f} MiB"


# Prefixes.


class Listed:
    """A bucket of which only a listing is asked for."""

    uri = "s3://corpora/sw/"

    def __init__(self, keys: Callable[[], Iterator[str]]) -> None:
        self._keys = keys

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        for key in self._keys():
            if key.startswith(prefix):
                yield ObjectInfo(key, 1000, f'"{hash(key):032x}"', 0.0)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Iterator[str]]], None]:
    def hold(keys: Callable[[], Iterator[str]]) -> None:
        monkeypatch.setattr(sources, "s3_store", lambda location: (Listed(keys), location.key))

    return hold


def shards(count: int) -> Callable[[], Iterator[str]]:
    return lambda: (f"sw/part-{i:09}.jsonl.zst" for i in range(count))


@pytest.mark.parametrize("count", [500, 5_000])
def test_the_fingerprint_of_text_takes_no_memory_for_its_objects(
    bucket: Callable[..., None], count: int
) -> None:
    bucket(shards(count))
    with at_most_mib(1.5):
        assert fingerprint("s3://corpora/sw", "text").objects == count


def test_it_is_what_it_was_when_all_objects_were_kept(bucket: Callable[..., None]) -> None:
    names = ["sw/LICENSE.txt", "sw/a.txt", "sw/b/c.parquet", "sw/x.bin", "sw/ü.jsonl.gz"]
    tags = {name: f'etag:"{hash(name):032x}"' for name in names}
    kept = [(n.removeprefix("sw/"), 1000, tags[n]) for n in names if n[-4:] not in (".bin", ".txt")]
    kept.append(("a.txt", 1000, tags["sw/a.txt"]))
    expected = pin("s3://corpora/sw", kept, "text")
    for order in (names, names[::-1]):  # a server that keeps no order
        bucket(lambda order=order: iter(order))
        assert fingerprint("s3://corpora/sw", "text") == expected
    with pytest.raises(UnsortedError):
        pinned("s3://corpora/sw", [("b", 1, "t"), ("a", 1, "t")], "text")


@pytest.mark.parametrize("reads", ["checkpoint", "task:classification:test:sw"])
def test_a_prefix_of_too_many_objects_is_refused_with_the_limit(
    bucket: Callable[..., None], reads: str
) -> None:
    bucket(shards(limits.LISTED + 1))
    with pytest.raises(TooLargeError, match=r"more than 50,000 objects.*Limits") as caught:
        fingerprint("s3://corpora/sw", reads)
    assert caught.value.where == "s3://corpora/sw/sw/"


def test_text_has_a_limit_too(bucket: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "TEXT_OBJECTS", 50)
    bucket(shards(51))
    with pytest.raises(TooLargeError, match="more than 50 objects"):
        fingerprint("s3://corpora/sw", "text")


def test_checkpoints_by_the_thousand_are_not_read(tmp_path: Path) -> None:
    store, stage = FileStore(tmp_path), Stage(kind="embed", params={}, inputs={})
    for folder in range(limits.CHECKPOINTS + 1):
        home = tmp_path / f"{stage.ref}/holder/checkpoints/step-{folder}"
        home.mkdir(parents=True)
        (home / "checkpoint.json").write_text("{}")
    with pytest.raises(TooLargeError, match="more than 1,000 objects"):
        StageStore(store, stage, "holder").checkpoints()


# Files of a task.

ROW = json.dumps({"text": "habari", "label": "a"}).encode() + b"\n"
WANTED = Wanted(format="classification", language="sw", purpose="test")
OF_MASSIVE = Wanted(format="massive", language="sw", purpose="test")


def members(pack: Callable[[bytes], bytes], data: bytes, count: int) -> bytes:
    """One compressed stream after another: gigabytes cost nothing to make."""
    return pack(data) * count


@pytest.mark.parametrize(
    ("suffix", "data"), [("gz", b"\0"), ("bz2", b"\0"), ("xz", b"\0"), ("gz", b"\n")]
)
def test_a_bomb_goes_off_in_nobodys_memory(
    tmp_path: Path, suffix: str, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}[suffix]
    file = tmp_path / f"test.jsonl.{suffix}"
    file.write_bytes(members(pack, data * (1 << 20), 2000))
    monkeypatch.setattr(files, "MOST_LINES", 3_000)
    with at_most_mib(16):
        first_rows(file.as_uri(), WANTED)


def test_rows_of_thousands_of_languages_are_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "test.jsonl"
    with file.open("w") as out:
        for number in range(3_000):
            out.write(json.dumps({"locale": f"x{number}-XX", "utt": "u", "scenario": "s"}) + "\n")
    with at_most_mib(16), pytest.raises(UserError, match="no row in the language 'sw'"):
        first_rows(file.as_uri(), OF_MASSIVE)


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 500_000,
        b'{"a":' * 150_000,
        b"{" + b",".join(b'"k%d":0' % i for i in range(60_000)) + b"}",
        b'{"text": "' + b"x" * (8 << 20) + b'", "label": "a"}',
        b'{"label": ' + b"9" * 500_000 + b"}",
    ],
    ids=["nested lists", "nested objects", "many keys", "one long line", "a long number"],
)
def test_a_line_of_anything_is_a_sentence_for_the_user(tmp_path: Path, line: bytes) -> None:
    (tmp_path / "test.jsonl").write_bytes(line + b"\n")
    with at_most_mib(48):
        try:
            first_rows((tmp_path / "test.jsonl").as_uri(), WANTED)
        except LingraftError as error:
            assert len(str(error)) < 1000


# Bases.


def base(folder: Path, config: bytes) -> LanguageAdaptation:
    """A resource on a base with such a config.json."""
    (folder / "base").mkdir()
    (folder / "base/config.json").write_bytes(config)
    for name in ("model.safetensors", "tokenizer.json"):
        (folder / "base" / name).write_bytes(b"{}")
    (folder / "sw.txt").write_text("habari\n")
    spec = {
        "language": "sw",
        "base": {"uri": (folder / "base").as_uri() + "/"},
        "method": "Standard",
        "corpus": {"uri": (folder / "sw.txt").as_uri()},
        "store": {"uri": folder.as_uri()},
    }
    return LanguageAdaptation.model_validate(
        {
            "apiVersion": "lingraft.dev/v1alpha1",
            "kind": "LanguageAdaptation",
            "metadata": {"name": "sw"},
            "spec": spec,
        }
    )


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (b" " * (limits.OBJECT_BYTES + 1), r"4,194,305 bytes; at most 4,096 KiB"),
        (b"[" * 100_000, "is not JSON"),
        (b'{"a":' * 100_000, "is not JSON"),
    ],
    ids=["large", "lists", "objects"],
)
def test_a_config_that_is_a_trap_is_an_error_of_its_field(
    tmp_path: Path, config: bytes, said: str
) -> None:
    with pytest.raises(UserError, match=said) as caught:
        plan_resource(base(tmp_path, config))
    assert caught.value.where == "spec.base.uri"


class Endless:
    """Zeros without an end."""

    def __init__(self, start: bytes) -> None:
        self._start = start

    def read(self, size: int) -> bytes:
        found = self._start[:size]
        self._start = self._start[size:]
        return found + b"\0" * (size - len(found))


def header(*settings: tuple[str, bytes], count: int | None = None) -> bytes:
    known = len(settings) if count is None else count
    found = struct.pack("<4sIQQ", b"GGUF", 3, 0, known)
    for name, value in settings:
        found += struct.pack("<Q", len(name)) + name.encode() + value
    return found


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (header(("list", struct.pack("<IIQ", 9, 4, 1 << 62))), "at most 1 MiB"),
        (header(("texts", struct.pack("<IIQ", 9, 8, 1 << 62))), "at most 1 MiB"),
        (header(("text", struct.pack("<IQ", 8, 1 << 28))), "at most 1 MiB"),
        (header(("deep", struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 5000)), "no GGUF file"),
        (header(count=1 << 60), "no GGUF file"),
    ],
    ids=["numbers", "texts", "a text", "lists of lists", "settings"],
)
def test_a_header_of_a_model_has_an_end(
    start: bytes, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gguf, "HEADER_BYTES", 1 << 20)
    with at_most_mib(4), pytest.raises(UserError, match=said):
        config_of_gguf(Endless(start), where="s3://models/x.gguf")  # type: ignore[arg-type]


def test_yaml_that_is_nested_too_deeply_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("[" * 3_000)
    with pytest.raises(BadFileError, match="nested too deeply"):
        load_resources(tmp_path / "a.yaml")


def test_a_location_of_s3_is_what_is_listed() -> None:
    """The tests above replace the store, by what a URI means."""
    assert sources.parse_uri("s3://corpora/sw") == S3Location("corpora", "sw")
