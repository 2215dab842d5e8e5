"""Tables as `datasets` and pandas write them: the same rows, however they are written."""

import bz2
import csv
import gzip
import io
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from lingraft.errors import UserError
from lingraft.formats import Answer, Example, ParallelPair, Question, read_examples
from lingraft.formats.codecs import XZ_MEMORY
from lingraft.formats.collect import collect
from lingraft.formats.files import TaskFile
from lingraft.formats.wanted import Wanted

Rows = list[dict[str, Any]]
ROWS: Rows = [
    {"text": 'a, "quoted"', "label": "yes", "group": "g"},
    {"text": "two\nlines", "label": "no", "group": "h"},
    {"text": "tab\tin it", "label": "yes", "group": "g"},
]
NAMES = ["no", "yes"]


def features(**kinds: Any) -> dict[bytes, bytes]:
    """What `datasets` keeps of its Features in a schema."""
    plain = {"dtype": "string", "_type": "Value"}
    told = {name: kind or plain for name, kind in kinds.items()}
    return {b"huggingface": json.dumps({"info": {"features": told}}).encode()}


def table(rows: Rows, metadata: dict[bytes, bytes] | None = None) -> Any:
    return pa.Table.from_pylist(rows).replace_schema_metadata(metadata)


def write_jsonl(rows: Rows, path: Path) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def write_csv(rows: Rows, path: Path) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def write_parquet(rows: Rows, path: Path) -> None:
    pq.write_table(table(rows), path)


def write_stream(rows: Rows, path: Path) -> None:
    whole = table(rows)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, whole.schema) as writer:
        writer.write_table(whole, max_chunksize=2)


def write_file(rows: Rows, path: Path) -> None:
    whole = table(rows)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, whole.schema) as writer:
        writer.write_table(whole, max_chunksize=2)


WRITERS: list[tuple[str, Callable[[Rows, Path], None]]] = [
    ("t.jsonl", write_jsonl),
    ("t.json", write_jsonl),
    ("t.csv", write_csv),
    ("t.parquet", write_parquet),
    ("t.arrow", write_stream),
    ("u.ARROW", write_file),
]
PACKERS: list[tuple[str, Callable[[bytes], bytes]]] = [
    (".gz", gzip.compress),
    (".bz2", bz2.compress),
    (".xz", lzma.compress),
    (".zst", zstandard.ZstdCompressor().compress),
]


def read(path: Path, format: str = "classification", **more: Any) -> list[Any]:
    return read_examples(path, format, "en", "train", **more).rows


@pytest.mark.parametrize(("name", "write"), WRITERS)
@pytest.mark.parametrize("packed", ["", ".gz", ".bz2", ".xz", ".zst"])
def test_a_table_is_the_same_however_it_is_written(
    tmp_path: Path, name: str, write: Callable[[Rows, Path], None], packed: str
) -> None:
    path = tmp_path / name
    write(ROWS, path)
    if packed:
        pack = dict(PACKERS)[packed]
        whole = path.read_bytes()
        path = path.with_name(path.name + packed)
        path.write_bytes(pack(whole))
    assert read(path) == [Example(one["text"], None, one["label"], one["group"]) for one in ROWS]


def test_tab_separated_files_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "sib.tsv"
    path.write_text('index_id\tcategory\ttext\n7\tscience\tIt "rains".\n8\tsports\tGoal!\n')
    columns = {"label": "category"}
    assert read(path, columns=columns) == [
        Example('It "rains".', None, "science"),
        Example("Goal!", None, "sports"),
    ]


CLASS_LABEL = {"names": NAMES, "_type": "ClassLabel"}


@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
def test_the_number_of_a_name_is_the_name(tmp_path: Path, suffix: str) -> None:
    rows: Rows = [{"text": "a", "label": 1}, {"text": "b", "label": 0}]
    whole = table(rows, features(text=None, label=CLASS_LABEL))
    path = tmp_path / f"t{suffix}"
    if suffix == ".parquet":
        pq.write_table(whole, path)
    else:
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, whole.schema) as writer:
            writer.write_table(whole)
    assert [one.label for one in read(path)] == ["yes", "no"]
    assert [one.label for one in read(path, names=("yes", "no"))] == ["yes", "no"]
    with pytest.raises(UserError, match="unknown label 'yes'"):
        read(path, names=("ja", "no"))


def test_without_names_a_number_is_one(tmp_path: Path) -> None:
    rows: Rows = [{"text": "a", "label": 1}, {"text": "b", "label": 0}]
    for metadata in (None, {b"huggingface": b"{"}, features(text=None, label=None)):
        pq.write_table(table(rows, metadata), tmp_path / "t.parquet")
        assert [one.label for one in read(tmp_path / "t.parquet")] == ["1", "0"]


def test_dictionary_encoded_columns(tmp_path: Path) -> None:
    text = pa.array(["a", "b", "a"]).dictionary_encode()
    label = pa.array(["x", "y", "x"]).dictionary_encode()
    pq.write_table(pa.table({"text": text, "label": label}), tmp_path / "t.parquet")
    assert [(one.text, one.label) for one in read(tmp_path / "t.parquet")] == [
        ("a", "x"), ("b", "y"), ("a", "x")
    ]  # fmt: skip


def test_nli_as_datasets_exports_it(tmp_path: Path) -> None:
    rows: Rows = [{"premise": "p", "hypothesis": "h", "label": label} for label in (0, 1, 2, -1, 0)]
    expected = ["entailment", "neutral", "contradiction", "entailment"]
    names = {"names": expected[:3], "_type": "ClassLabel"}
    for name, write in WRITERS:
        write(rows, tmp_path / name)
        assert [one.label for one in read(tmp_path / name, "xnli")] == expected
    whole = table(rows, features(premise=None, hypothesis=None, label=names))
    pq.write_table(whole, tmp_path / "named.parquet")
    assert [one.label for one in read(tmp_path / "named.parquet", "xnli")] == expected


def test_nli_of_all_languages_in_one_row(tmp_path: Path) -> None:
    rows: Rows = [
        {
            "premise": {"en": "p", "sw": "q"},
            "hypothesis": {"language": ["en", "sw"], "translation": ["h", "i"]},
            "label": 2,
        }
    ]
    write_parquet(rows, tmp_path / "t.parquet")
    found = read_examples(tmp_path / "t.parquet", "xnli", "sw", "test").rows
    assert found == [Example("q", "i", "contradiction")]
    with pytest.raises(UserError, match=r"no row in the language 'de' \(it has en, sw\)"):
        read_examples(tmp_path / "t.parquet", "xnli", "de", "test")


def test_xtreme_has_no_header(tmp_path: Path) -> None:
    (tmp_path / "train-en.tsv").write_text("p\th\tneutral\nq\ti\tentailment\n")
    found = [
        (one.text, one.text_pair, one.label) for one in read(tmp_path / "train-en.tsv", "xnli")
    ]
    assert found == [("p", "h", "neutral"), ("q", "i", "entailment")]
    (tmp_path / "dev-fr.tsv").write_text("a\tb\t0\nc\td\t1\n")
    assert [one.label for one in read(tmp_path / "dev-fr.tsv", "paws-x")] == ["0", "1"]
    (tmp_path / "test-fr.tsv").write_text("a\tb\nc\td\n")  # the leaderboard keeps its labels
    with pytest.raises(UserError, match="the column 'id' is missing"):
        read(tmp_path / "test-fr.tsv", "paws-x")


QUESTION = {
    "id": "7",
    "context": "It left at 7:40.",
    "question": "When?",
    "answers": {"text": ["7:40"], "answer_start": [11]},
}


@pytest.mark.parametrize("format", ["squad", "mlqa", "qa"])
@pytest.mark.parametrize(("name", "write"), [one for one in WRITERS if one[0] != "t.csv"])
def test_questions_as_datasets_exports_them(
    tmp_path: Path, format: str, name: str, write: Callable[[Rows, Path], None]
) -> None:
    write([QUESTION, QUESTION], tmp_path / name)
    expected = Question("7", "When?", "It left at 7:40.", (Answer("7:40", 11),))
    assert read(tmp_path / name, format) == [expected] * 2


def test_translations_in_one_field(tmp_path: Path) -> None:
    write_parquet([{"translation": {"fr": "Il neige.", "en": "It snows."}}], tmp_path / "t.parquet")
    columns = {"source": "translation.fr", "target": "translation.en"}
    found = read(tmp_path / "t.parquet", "retrieval", columns=columns)
    assert found == [ParallelPair("Il neige.", "It snows.")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('text,label\na,"b\n', "not CSV"),
        ("text,label\na,b,c\n", "expected 2 comma-separated columns"),
        ("text,text\na,b\n", "'text' is there twice"),
        ("a,b\n", "no examples"),
        ("txt,label\na,b\n", "the field 'text' is missing"),
    ],
)
def test_a_csv_file_that_is_none(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(UserError, match=said):
        read(tmp_path / "t.csv")


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow"])
def test_a_file_of_columns_that_is_none(tmp_path: Path, name: str) -> None:
    for data in (b"", b"PAR1", b"ARROW1\0\0", b"not", b"\xff" * 99):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UserError, match=r"not an? \w+ file that can be read"):
            read(tmp_path / name)


@pytest.mark.parametrize(("suffix", "pack"), PACKERS)
def test_a_broken_archive_names_itself(
    tmp_path: Path, suffix: str, pack: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / f"t.jsonl{suffix}"
    rows = b"".join(b'{"text": "%d", "label": "%d"}\n' % (i, i % 2) for i in range(9999))
    for data in (pack(rows)[:-9], b"not packed at all", pack(rows)[:40] + b"?" * 99):
        path.write_bytes(data)
        with pytest.raises(UserError, match=r"not a whole \w+ file") as caught:
            read(path)
        assert caught.value.where == str(path)
    path.write_bytes(pack(rows[: len(rows) // 2]) + pack(rows[len(rows) // 2 :]))
    assert len(read(path)) == 9999


def test_a_decoder_takes_no_more_memory_than_it_may(tmp_path: Path) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9, "dict_size": 2 * XZ_MEMORY}]
    packed = lzma.compress(b"{}\n", filters=filters)
    (tmp_path / "t.jsonl.xz").write_bytes(packed)
    with pytest.raises(UserError, match="128 MiB; compress it with `xz -9`"):
        read(tmp_path / "t.jsonl.xz")


@pytest.mark.parametrize(("suffix", "pack"), PACKERS)
def test_few_bytes_unpack_to_no_more_than_the_limit(
    suffix: str, pack: Callable[[bytes], bytes]
) -> None:
    row = b'{"text": "a", "label": "b"}\n'
    bomb = pack(row * 2 + b'{"text": "' + b"a" * (8 << 20) + b'", "label": "b"}\n')
    assert len(bomb) < 1 << 16
    file = TaskFile(f"t.jsonl{suffix}", "t", lambda: io.BytesIO(bomb), 1 << 20)
    found = collect([file], Wanted("classification", "en", "train"), "t")
    assert len(found.rows) == 2 and not found.whole


CELLS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(str.strip)


@given(texts=st.lists(CELLS, min_size=1, max_size=8))
def test_what_csv_writes_is_read(texts: list[str]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([("a", "text", "label"), *(("x", one, "b") for one in texts)])
    file = TaskFile("t.csv", "t", lambda: io.BytesIO(text.getvalue().encode()))
    found = collect([file], Wanted("classification", "en", "train"), "t")
    assert [one.text for one in found.rows if isinstance(one, Example)] == texts
