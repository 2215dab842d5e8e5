"""Rows as people have them: right, or refused with a sentence that names the place."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingraft.errors import UserError
from lingraft.formats import Choice, Example, ParallelPair, Question, Tagged, TaskRow, read_examples
from lingraft.resource.formats import FORMATS

GOOD: dict[str, dict[str, Any]] = {
    "classification": {"text": "a b", "label": "x"},
    "pairs": {"text": "a b", "textPair": "c d", "label": "x"},
    "qa": {
        "context": "a b c",
        "question": "d",
        "answers": {"text": ["b"], "answer_start": [2]},
    },
    "retrieval": {"source": "a b", "target": "c d"},
}
TEXTS = [(f, n) for f, row in GOOD.items() for n in row if n not in ("label", "answers")]


def write(path: Path, *rows: object) -> Path:
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    path.write_bytes("".join(f"{line}\n" for line in lines).encode(errors="surrogateescape"))
    return path


def rows_of(path: Path, format: str = "classification", language: str = "fr") -> list[TaskRow]:
    return read_examples(path, format, language, "test").rows


def refused(path: Path, format: str = "classification", language: str = "fr") -> UserError:
    with pytest.raises(UserError) as caught:
        rows_of(path, format, language)
    return caught.value


# Texts


@pytest.mark.parametrize(("format", "field"), TEXTS)
@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("\ud800", "half of a surrogate pair"),
        ("a \udcff b", "UTF-8"),
        (None, "is null"),
        ("", "not empty"),
        (" \t\u3000\u0000", "not empty"),
        (5, "must be a string"),
        (["a"], "must be a string"),
        (float("nan"), "must be a string"),
    ],
    ids=repr,
)
def test_a_text_that_is_none(tmp_path: Path, format: str, field: str, value: Any, said: str):
    error = refused(write(tmp_path / "t.jsonl", GOOD[format] | {field: value}), format)
    assert error.where == f"{tmp_path / 't.jsonl'}:1"
    assert f"the field '{field}'" in error.message and said in error.message


def test_control_characters_are_spaces_and_move_no_answer(tmp_path: Path) -> None:
    row = {"context": "a\x00b \x0bcd", "question": "e\x7ff", "answers": [], "id": 7}
    row["answers"] = [{"text": "cd", "answer_start": 5}]
    (found,) = rows_of(write(tmp_path / "t.jsonl", row), "qa")
    assert isinstance(found, Question)
    assert (found.context, found.question, found.id) == ("a b  cd", "e f", "7")
    start = found.answers[0].start
    assert start is not None and found.context[start:] == "cd"


def test_bytes_that_are_not_utf8_are_said_to_be(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_bytes('{"text": "été", "label": "x"}\n'.encode("latin-1"))
    assert "convert the file to UTF-8" in refused(path).message
    for encoding in ("utf-16", "utf-16-be", "utf-16-le"):
        path.write_bytes('{"text": "a", "label": "x"}\n'.encode(encoding))
        assert refused(path).message
    path.write_bytes('{"text": "a", "label": "x"}\n'.encode("utf-16"))
    assert "UTF-8" in refused(path).message
    # In a field that nobody reads they hurt nobody.
    path.write_bytes(b'{"text": "a", "label": "x", "by": "Ren\xe9"}\n')
    assert len(rows_of(path)) == 1


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_line_ends_marks_and_empty_lines(tmp_path: Path, ends: str, bom: str) -> None:
    lines = [json.dumps({"text": t, "label": "x"}) for t in ("a\u2028b", "c")]
    path = tmp_path / "t.jsonl"
    path.write_bytes((bom + ends.join([lines[0], "", " \t", lines[1]])).encode())
    assert [r.text for r in rows_of(path) if isinstance(r, Example)] == ["a\u2028b", "c"]


# JSON


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"text": "a", "label": "x", "text": "b"}', "the key 'text' stands twice"),
        ('{"text": "a", "label": "x", "m": {"k": 1, "k": 2}}', "the key 'k' stands twice"),
        ('{"text": "a", "label": %s}' % ("1" * 5000), "too many digits"),
        ('{"a": ' + "[" * 100_000, "nested too deeply"),
        ('{"text": "a\x01", "label": "x"}', "not JSON"),
        ("\ufeff\ufeff{}", "not JSON"),
        ("{'text': 'a'}", "not JSON"),
        ('"a"', "expected a JSON object"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_json_that_cannot_be_read(tmp_path: Path, line: str, said: str) -> None:
    error = refused(write(tmp_path / "t.jsonl", GOOD["classification"], line))
    assert said in error.message and error.where.endswith("t.jsonl:2")


@pytest.mark.parametrize(
    ("label", "read"),
    [
        ("x", "x"),
        (" x\t", "x"),
        (3, "3"),
        (-1, "-1"),
        (10**30, str(10**30)),
        (2.0, "2"),
        ("2", "2"),
        (True, None),
        (0.5, None),
        (1e300, None),
        (float("inf"), None),
        (None, None),
        ("", None),
        ([], None),
        ({"a": 1}, None),
    ],
    ids=repr,
)
def test_labels_are_names_or_whole_numbers(tmp_path: Path, label: Any, read: str | None) -> None:
    path = write(tmp_path / "t.jsonl", {"text": "a", "label": label, "group": ""})
    if read is None:
        assert "'label'" in refused(path).message
    else:
        assert rows_of(path) == [Example("a", None, read, None)]


# Tab-separated values

PAWS = "id\tsentence1\tsentence2\tlabel"


@pytest.mark.parametrize("header", [PAWS, " id \tsentence1 \t sentence2\tlabel ", "\ufeff" + PAWS])
def test_spaces_around_a_columns_name_count_for_nothing(tmp_path: Path, header: str) -> None:
    path = write(tmp_path / "t.tsv", header, "1\ta b\tc d\t 1 ")
    assert rows_of(path, "paws-x") == [Example("a b", "c d", "1")]


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (PAWS.replace("\t", ","), "the column 'id' is missing"),
        (PAWS + "\tlabel", "the column 'label' is there twice"),
        (PAWS.upper(), "the column 'id' is missing"),
        (PAWS.replace("\t", '"\t"').join('""'), "is missing"),
        ("", "the column 'id' is missing"),
    ],
)
def test_a_header_that_is_none(tmp_path: Path, header: str, said: str) -> None:
    assert said in refused(write(tmp_path / "t.tsv", header, "1\ta\tb\t1"), "paws-x").message


def test_quotes_are_characters_unless_the_file_is_csv(tmp_path: Path) -> None:
    raw = ['1\tHe said "no" .\t"Yes ."\t1', '2\t"a"\t"" b\t0', '3\t"""x""" y\t"\t1']
    found = rows_of(write(tmp_path / "t.tsv", PAWS, *raw), "paws-x")
    assert found[0] == Example('He said "no" .', '"Yes ."', "1")
    assert len(found) == 3
    csv = ['1\t"He said ""no"" ."\tb\t1', "2\ta\tb\t0"]
    error = refused(write(tmp_path / "t.tsv", PAWS, *csv), "paws-x")
    assert "quoted as in CSV" in error.message and error.where.endswith(":2")
    # Published files have such a field among many others.
    assert len(rows_of(write(tmp_path / "t.tsv", PAWS, *csv, *raw), "paws-x")) == 5


# Compression


@pytest.mark.parametrize(
    ("magic", "said"),
    [
        (b"\x1f\x8b\x08", "gzip; name it .gz"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"BZh9", "bzip2"),
        (b"\xfd7zXZ\x00", "xz"),
        (b"PK\x03\x04", "unpack it"),
        (b"PAR1", "Parquet"),
    ],
)
@pytest.mark.parametrize("format", ["classification", "squad", "xnli"])
def test_what_is_no_text_is_told_by_its_first_bytes(
    tmp_path: Path, format: str, magic: bytes, said: str
) -> None:
    path = tmp_path / ("t.tsv" if format == "xnli" else "t.json")
    path.write_bytes(magic + b"\x00" * 99)
    error = refused(path, format)
    assert said in error.message and error.where == str(path)


# Whatever is in a file


@given(
    lines=st.lists(
        st.one_of(
            st.binary(max_size=20),
            st.recursive(
                st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
                lambda inner: (
                    st.lists(inner, max_size=3)
                    | st.dictionaries(
                        st.sampled_from(
                            ["text", "label", "textPair", "context", "answers", "data", "choices"]
                        ),
                        inner,
                        max_size=4,
                    )
                ),
            ).map(lambda value: json.dumps(value).encode()),
        ),
        max_size=4,
    ),
    format=st.sampled_from(list(FORMATS)),
)
def test_no_file_ends_in_a_traceback(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], format: str
) -> None:
    tables = ("xnli", "paws-x", "ner", "pos")
    path = tmp_path_factory.mktemp("any") / ("t.tsv" if format in tables else "t.json")
    path.write_bytes(b"\n".join(lines))
    try:
        found = rows_of(path, format)
    except UserError as error:
        assert error.message and error.where
        return
    for row in found:  # what is read can be written, hashed and tokenised
        assert isinstance(row, Example | ParallelPair | Question | Choice | Tagged)
        repr(row).encode()
        str([getattr(row, name) for name in row.__slots__]).encode()
