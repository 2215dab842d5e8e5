# ruff: noqa: RUF001
"""Reading and cleaning text."""

import bz2
import gzip
import json
import lzma
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingraft.errors import UserError
from lingraft_trainer.data.clean import Cleaner
from lingraft_trainer.data.text import DOCUMENT, read_documents
from lingraft_trainer.data.text_file import HOPELESS, Tally, text_files


def documents(path: Path) -> list[list[str]]:
    return counted(path)[0]


def counted(path: Path, field: str = "text") -> tuple[list[list[str]], Tally]:
    tally = Tally()
    read = (read_documents(file, Cleaner(), tally, field) for file in text_files(path))
    return [document for one in read for document in one], tally


def test_blank_lines_end_documents(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeffmoja\r\nmbili\r\n \t\r\n\r\ntatu\n\x01\n".encode())
    assert documents(path) == [["moja", "mbili"], ["tatu"]]


def test_files_are_ordered_and_others_left_alone(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "1.txt").write_text("mbili")
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"moja"))
    (tmp_path / "c.txt.7z").write_bytes(b"tatu")
    assert [f.name for f in text_files(tmp_path)] == ["a.txt.gz", "b/1.txt"]
    assert documents(tmp_path) == [["moja"], ["mbili"]]


def test_what_cc100_c4_and_others_are_compressed_with(tmp_path: Path) -> None:
    text = b"moja\nmbili\n\ntatu\n"
    (tmp_path / "a.txt.xz").write_bytes(lzma.compress(text[:11]) + lzma.compress(text[11:]))
    (tmp_path / "b.txt.bz2").write_bytes(bz2.compress(text[:11]) + bz2.compress(text[11:]))
    rows = b'{"text": "nne\\ntano", "url": "x"}\n{"text": "sita"}\n'
    (tmp_path / "c4-sw.tfrecord-00000-of-00001.json.gz").write_bytes(gzip.compress(rows))
    numbers = [["moja", "mbili"], ["tatu"]]
    assert documents(tmp_path) == [*numbers, *numbers, ["nne", "tano"], ["sita"]]


@pytest.mark.parametrize(("suffix", "pack"), [(".xz", lzma.compress), (".bz2", bz2.compress)])
def test_what_is_broken_behind_a_whole_stream_is_an_error(
    tmp_path: Path, suffix: str, pack: Callable[[bytes], bytes]
) -> None:
    (tmp_path / f"a.txt{suffix}").write_bytes(pack(b"moja\n") + b"?" + pack(b"mbili\n")[1:])
    with pytest.raises(UserError, match="cannot be read"):
        documents(tmp_path)


def test_shards_without_text_are_passed_over(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["moja"] * 200}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"text": pa.array([], pa.float64())}), tmp_path / "b.parquet")
    pq.write_table(pa.table({"text": pa.nulls(1)}), tmp_path / "c.parquet")
    found, tally = counted(tmp_path)
    assert (len(found), tally.unusable) == (200, 1)


def test_what_wikiextractor_writes(tmp_path: Path) -> None:
    mark = '<doc id="{0}" url="https://sw.wikipedia.org/wiki?curid={0}" title="A &quot;b&quot;">\n'
    articles = "".join(mark.format(i) + f"Jina {i}\n\nmoja {i}\nmbili\n\n</doc>\n" for i in (1, 2))
    (tmp_path / "AA").mkdir()
    (tmp_path / "AA" / "wiki_00").write_text(articles)
    (tmp_path / "AA" / "wiki_01.bz2").write_bytes(bz2.compress(articles.encode()))
    (tmp_path / "AA" / "wiki_02").write_text(json.dumps({"id": "7", "text": "tatu\nnne"}) + "\n")
    (tmp_path / "AA" / "wiki_about").write_text("not text by its name")
    told = [["Jina 1"], ["moja 1", "mbili"], ["Jina 2"], ["moja 2", "mbili"]]
    assert documents(tmp_path) == [*told, *told, ["tatu", "nne"]]
    (tmp_path / "whole.txt").write_text(articles + "a <doc> b\n")
    assert documents(tmp_path / "whole.txt") == [*told, ["a <doc> b"]]


@pytest.mark.parametrize("suffix", [".xz", ".bz2"])
def test_a_cut_off_archive_is_an_error(tmp_path: Path, suffix: str) -> None:
    pack = lzma.compress if suffix == ".xz" else bz2.compress
    whole = pack("\n".join(str(i) for i in range(100_000)).encode())
    for content in (whole[: len(whole) // 2], b"no archive"):
        (tmp_path / f"a.txt{suffix}").write_bytes(content)
        with pytest.raises(UserError, match=r"a\.txt.*cannot be read"):
            documents(tmp_path)


@pytest.mark.parametrize("indexed", [False, True])
def test_what_datasets_saves_to_disk(tmp_path: Path, indexed: bool) -> None:
    table = pa.table({"id": [1, 2, 3], "text": ["moja\nmbili", None, "tatu"]})
    open_ = pa.ipc.new_file if indexed else pa.ipc.new_stream
    path = tmp_path / "data-00000-of-00001.arrow"
    with pa.OSFile(str(path), "wb") as sink, open_(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    (tmp_path / "state.json").write_text('{"_data_files": []}')
    (tmp_path / "dataset_info.json").write_text("{}")
    found, tally = counted(tmp_path)
    assert found == [["moja", "mbili"], ["tatu"]]
    assert (tally.rows, tally.unusable, tally.where) == (3, 1, f"{path.name}:2")
    with pytest.raises(UserError, match='column "id" is of type int64; expected strings'):
        counted(tmp_path, "id")


def test_members_of_a_gzip_file_are_all_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"moja\n\n") + gzip.compress(b"mbili\n"))
    assert documents(tmp_path) == [["moja"], ["mbili"]]


def test_a_cut_off_gzip_file_is_an_error(tmp_path: Path) -> None:
    whole = gzip.compress("\n".join(str(i) for i in range(10_000)).encode())
    (tmp_path / "a.txt.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"a\.txt\.gz"):
        documents(tmp_path)


def test_a_file_without_blank_lines_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("\n".join(["neno " * 20] * 2000))
    found = documents(path)
    assert len(found) == 4 and sum(map(len, found)) == 2000
    assert all(sum(map(len, d)) < DOCUMENT + 200 for d in found)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'{"text": 3}', 'the row has no field "text" with a string in it'),
        (b'{"text": null}', 'the row has no field "text" with a string in it'),
        (b'{"content": "a", "url": "b"}', "in it, only content, url: set textField"),
        (b'["text"]', 'the row has no field "text"'),
        (b'"text"', 'the row has no field "text"'),
        (b"{}", 'the row has no field "text"'),
        (b"{", "not JSON (Expecting property name"),
        (b"[" * 100_000, "not JSON (maximum recursion depth"),
        (b"9" * 5_000, "not JSON (Exceeds the limit"),
        (b'{"text": "mb\xffili"}', "not UTF-8 at byte 30: convert the file to UTF-8"),
    ],
)
def test_an_unusable_row_is_left_out_and_named(tmp_path: Path, line: bytes, why: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "moja"}\n\n' + line + b'\n{"text": "tatu"}')
    found, tally = counted(path)
    assert found == [["moja"], ["tatu"]]
    assert (tally.rows, tally.unusable, tally.where) == (3, 1, "a.jsonl:3")
    assert tally.why and why in tally.why
    assert f"{tally.why}; of 3 rows read 1 are unusable" in str(tally.error())


def test_a_bad_byte_costs_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"moja\nmb\xffili\ntatu\n")
    found, tally = counted(path)
    assert found == [["moja", "tatu"]]
    assert (tally.rows, tally.unusable, tally.where) == (3, 1, "a.txt:2")
    assert tally.why == "not UTF-8 at byte 7: convert the file to UTF-8"


def test_a_hopeless_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"content": "moja"}\n' * 3 * HOPELESS)
    with pytest.raises(UserError, match="of 1,001 rows read 1,001 are unusable"):
        documents(path)


def test_null_rows_of_parquet_are_counted(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["moja", None, "tatu"]}), tmp_path / "a.parquet")
    found, tally = counted(tmp_path)
    assert found == [["moja"], ["tatu"]]
    assert (tally.rows, tally.unusable, tally.where) == (3, 1, "a.parquet:2")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
def test_two_bytes_a_letter_are_not_read_as_letters(tmp_path: Path, encoding: str) -> None:
    """Of ASCII they are UTF-8 with NULs: each letter would be a word."""
    (tmp_path / "a.txt").write_bytes("habari ya asubuhi\n".encode(encoding) * 300)
    with pytest.raises(UserError, match=r"UTF-16.*convert the file to UTF-8"):
        documents(tmp_path)


def test_all_three_ends_of_lines(tmp_path: Path) -> None:
    for name, end in (("a", "\n"), ("b", "\r\n"), ("c", "\r")):
        (tmp_path / f"{name}.txt").write_bytes(f"moja{end}mbili{end}{end}tatu{end}".encode())
    (tmp_path / "d.jsonl").write_text(json.dumps({"text": "moja\rmbili\r\ntatu\u2028nne\n"}))
    numbers = [["moja", "mbili"], ["tatu"]]
    assert documents(tmp_path) == [*numbers * 3, ["moja", "mbili", "tatu nne"]]


def test_names_that_no_file_may_hold_are_told_in_ascii(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"\ud800x": 1, "y" * 99: 2}))
    _, tally = counted(tmp_path)
    assert tally.why and r"only \ud800x, yyyy" in tally.why and len(tally.why.encode()) < 150


def test_columns_that_are_no_text_are_told_by_their_type(tmp_path: Path) -> None:
    twice = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])
    nested = pa.table({"a": pa.array([{"b": "x"}]), "a.b": pa.array(["moja"])})
    for number, (table, field, message) in enumerate((
        (pa.table({"text": [b"moja"]}), "text", "is of type binary; expected strings"),
        (pa.table({"text": [["moja"]]}), "text", "is of type list"),
        (twice, "text", "2 columns"),
        (nested, "a", "is of type struct"),
    )):  # fmt: skip
        path = tmp_path / f"{number}.parquet"
        pq.write_table(table, path)
        with pytest.raises(UserError, match=message):
            counted(path, field)
    assert counted(tmp_path / "3.parquet", "a.b")[0] == [["moja"]]


def test_bad_bytes_in_a_column_cost_their_row(tmp_path: Path) -> None:
    raw = pa.array([b"moja", b"mb\xffili", b"tatu"])
    text = pa.Array.from_buffers(pa.string(), 3, raw.buffers())
    pq.write_table(pa.table({"text": text}), tmp_path / "a.parquet")
    found, tally = counted(tmp_path)
    assert found == [["moja"], ["tatu"]] and (tally.unusable, tally.where) == (1, "a.parquet:2")


def test_another_field(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"content": "moja", "text": "x"}\n')
    words = pa.array(["mbili", "mbili"]).dictionary_encode()
    pq.write_table(pa.table({"content": words, "text": ["x", "x"]}), tmp_path / "b.parquet")
    assert counted(tmp_path, "content")[0] == [["moja"], ["mbili"], ["mbili"]]
    with pytest.raises(UserError, match='it has no column "Text", only content, text'):
        counted(tmp_path / "b.parquet", "Text")


def test_capitals_in_a_name_count_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "A.TXT").write_text("moja")
    (tmp_path / "B.Txt.GZ").write_bytes(gzip.compress(b"mbili"))
    assert documents(tmp_path) == [["moja"], ["mbili"]]


def test_a_lone_surrogate_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"text": "moja \ud800 mbili\ntatu"}))
    assert documents(path) == [["moja mbili", "tatu"]]


@given(st.text(max_size=60))
def test_cleaning(text: str) -> None:
    clean = Cleaner(["<s>", "[MASK]"])
    once = clean(text)
    assert clean(once) == once
    assert once == once.strip() and "  " not in once
    assert unicodedata.is_normalized("NFC", once)
    assert not any(unicodedata.category(c) == "Cc" for c in once)
    letters = [c for c in unicodedata.normalize("NFC", text) if c.isalnum()]
    if "<" not in unicodedata.normalize("NFKC", text) and "[" not in text:
        assert [c for c in once if c.isalnum()] == letters


def test_special_tokens_are_broken_up() -> None:
    assert Cleaner(["<s>", "</s>"])("a <s>b</s>") == "a < s>b< /s>"


@pytest.mark.parametrize(
    "text",
    [
        "می\u200cخواهم",
        "ක්\u200dෂ ನಾನ್\u200c",
        "ᠨᠡᠷ\u180eᠡ ᠡᠷᠬᠡ\u202fᠲᠡᠢ",
        "👩\u200d👧\ufe0f \u200fא\u200e \u2066a\u2069 a\u2060b\u034fc\u00add",
        "น้ำ ຄຳ և ㅋㅋ ﷺ ﬁ Ａ ²",
        "\u0600\u06dd ك",
    ],
)
def test_letters_and_joiners_are_kept(text: str) -> None:
    assert Cleaner(["<s>"])(text) == text


@pytest.mark.parametrize("control", ["\x00", "\x08", "\x1b", "\x7f", "\x92", "\x85", "\u2028"])
def test_a_control_character_joins_no_words(control: str) -> None:
    assert Cleaner()(f"moja{control}mbili{control}") == "moja mbili"


def test_a_narrow_space_is_a_space_but_in_mongolian() -> None:
    assert Cleaner()("«\u202foui\u202f!\u202f» \u202fᠲᠡᠢ") == "« oui ! » \u202fᠲᠡᠢ"


@pytest.mark.parametrize("token", ["＜s＞", "<ｓ>", "﹤s﹥", "<s\uff1e"])
def test_special_tokens_in_other_letters_are_broken_up(token: str) -> None:
    """A tokenizer that folds them, such as XLM-R's, would read the token."""
    clean = Cleaner(["<s>", "</s>"])(f"a {token} ดำ")
    assert clean == "a < s> ดำ".replace("ำ", "\u0e4d\u0e32") == Cleaner(["<s>"])(clean)
    assert Cleaner(["<s>"])("＜b＞ ดำ") == "＜b＞ ดำ"
