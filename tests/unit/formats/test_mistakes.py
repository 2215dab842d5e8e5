"""Task files with mistakes: each is named with its place and what was expected."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from lingraft.errors import UserError
from lingraft.formats import read_examples

DATA = Path(__file__).parents[2] / "data" / "tasks"


def refused(path: Path, format: str, language: str = "fr", **options: Any) -> UserError:
    """The error that reading must raise."""
    with pytest.raises(UserError) as caught:
        read_examples(path, format, language, options.pop("purpose", "test"), **options)
    return caught.value


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_no_such_path_and_an_empty_directory(tmp_path: Path):
    assert "no such" in refused(tmp_path / "nothing", "qa").message
    assert "holds no task file" in refused(tmp_path, "qa").message


def test_unknown_format():
    error = refused(DATA, "glue")
    assert (error.where, "xnli" in error.message) == ("format", True)


@pytest.mark.parametrize(
    ("format", "name", "line", "message"),
    [
        ("xnli", "t.tsv", "language\tgold_label\tsentence1", "the column 'sentence2' is missing"),
        ("paws-x", "t.tsv", "id\tsentence1\tsentence2", "the column 'label' is missing"),
        ("classification", "t.jsonl", '{"text": "a"}', "the field 'label' is missing"),
        ("classification", "t.jsonl", '{"text": " ", "label": "x"}', "must be a string"),
        ("classification", "t.jsonl", '{"text": "a", "label": true}', "'label' is True"),
        ("classification", "t.jsonl", '{"text": "a"', "not JSON"),
        ("classification", "t.jsonl", '["a", "x"]', "expected a JSON object"),
        ("pairs", "t.jsonl", '{"text": "a", "label": "x"}', "the field 'textPair' is missing"),
        ("retrieval", "t.jsonl", '{"source": "a"}', "the field 'target' is missing"),
        ("qa", "t.jsonl", '{"context": "a b", "question": "c"}', "'answers' is missing"),
        (
            "qa",
            "t.jsonl",
            '{"context": "a b", "question": "c", "answers": {"text": ["b"], "answer_start": [1]}}',
            "not at character 1",
        ),
        (
            "qa",
            "t.jsonl",
            '{"context": "a b", "question": "c", "answers": {"text": [], "answer_start": []}}',
            "at least one answer",
        ),
    ],
)
def test_a_mistake_is_named_with_file_and_line(
    tmp_path: Path, format: str, name: str, line: str, message: str
):
    path = write(tmp_path / name, line + "\n")
    error = refused(path, format)
    assert error.where == f"{path}:1"
    assert message in error.message
    assert "expected" in error.message or "answer" in error.message


def test_a_tsv_row_that_does_not_fit_its_header(tmp_path: Path):
    head = "id\tsentence1\tsentence2\tlabel\n"
    path = write(tmp_path / "t.tsv", f"{head}1\ta\tb\t1\n2\ta\tb\n")
    assert refused(path, "paws-x").where == f"{path}:3"
    write(path, f"{head}1\ta\tb\t1\t9\n")
    assert "found 5" in refused(path, "paws-x").message


def test_text_that_is_not_utf8_names_the_line(tmp_path: Path):
    path = tmp_path / "t.jsonl"
    path.write_bytes(b'{"text": "a", "label": "x"}\n{"text": "\xe9t\xe9", "label": "x"}\n')
    error = refused(path, "classification")
    assert error.where == f"{path}:2"
    assert "UTF-8" in error.message


@pytest.mark.parametrize("format", ["classification", "squad"])
def test_a_broken_gzip_file(tmp_path: Path, format: str):
    path = tmp_path / "t.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"text": "a", "label": "x"}\n' * 99)[:-12])
    assert refused(path, format).where == str(path)
    path.write_bytes(b"not gzip")
    assert refused(path, format).where == str(path)


@pytest.mark.parametrize(("format", "label"), [("xnli", "contradictory"), ("paws-x", "2")])
def test_a_label_the_format_does_not_know(tmp_path: Path, format: str, label: str):
    text = f"id\tgold_label\tlabel\tsentence1\tsentence2\n1\t{label}\t{label}\ta\tb\n"
    path = write(tmp_path / "t.tsv", text)
    error = refused(path, format)
    assert error.where == f"{path}:2"
    assert f"'{label}'" in error.message


def test_a_label_that_was_not_trained():
    path = DATA / "classification" / "weather.jsonl"
    error = refused(path, "classification", trained=("forecast", "praise"))
    assert error.where == f"{path}:2"
    assert "'complaint'" in error.message
    assert "forecast, praise" in error.message


def test_nested_qa_mistakes_are_named_by_their_path(tmp_path: Path):
    path = tmp_path / "dev.json"
    good = json.loads((DATA / "squad" / "dev-v1.1.json").read_text())

    del good["data"][1]["paragraphs"][0]["qas"][0]["answers"]
    write(path, json.dumps(good))
    assert refused(path, "squad").where == f"{path}: data[1].paragraphs[0].qas[0]"

    good["data"][1]["paragraphs"][0]["qas"][0]["answers"] = []
    write(path, json.dumps(good))
    assert "SQuAD 2.0" in refused(path, "squad").message

    write(path, '{"data": [\n{]}')
    assert refused(path, "squad").where == f"{path}:2"
    write(path, "[]")
    assert "not an object" in refused(path, "squad").message


def test_a_file_that_is_not_nli_data(tmp_path: Path):
    path = write(tmp_path / "xnli.tsv", "language\tgold_label\n")
    assert "the column 'sentence1' is missing" in refused(path, "xnli").message


def test_a_file_without_examples(tmp_path: Path):
    assert "no examples" in refused(write(tmp_path / "t.jsonl", "\n"), "classification").message
