"""Task files: each format read as published, each mistake named with its place."""

import gzip
import json
import re
from pathlib import Path

import pytest

from lingraft.errors import UserError
from lingraft.formats import (
    Answer,
    Example,
    ParallelPair,
    Question,
    TaskRow,
    labels_of,
    read_examples,
)
from lingraft.formats.layouts import LAYOUTS
from lingraft.resource.formats import FORMATS

DATA = Path(__file__).parents[2] / "data" / "tasks"


def rows_of(path: Path, format: str, language: str) -> list[TaskRow]:
    return read_examples(path, format, language, "test").rows


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


# Published formats


def test_xnli_keeps_the_rows_of_the_language_and_raw_quotes():
    examples = rows_of(DATA / "xnli", "xnli", "fr")
    assert examples[0] == Example(
        'Le train de nuit est "complet" depuis lundi.',
        "On ne trouve plus de place dans ce train.",
        "entailment",
        "1",
    )
    assert [(e.label, e.group) for e in examples if isinstance(e, Example)] == [
        ("entailment", "1"),
        ("contradiction", "1"),
        ("neutral", "2"),
    ]


def test_xnli_takes_the_first_part_of_a_language_tag():
    assert rows_of(DATA / "xnli", "xnli", "sw-TZ") == [
        Example(
            "Duka linafunguliwa asubuhi.", "Asubuhi mtu anaweza kununua dukani.", "entailment", "3"
        )
    ]


def test_xnli_jsonl():
    (example,) = rows_of(DATA / "xnli-jsonl", "xnli", "tr")
    assert example == Example("Kedi pencerede uyuyor.", "Kedi çok büyük.", "neutral", "5")


def test_xnli_without_the_language_says_what_there_is():
    with pytest.raises(UserError) as caught:
        rows_of(DATA / "xnli" / "xnli.test.tsv", "xnli", "ur")
    error = caught.value
    assert error.where.endswith("xnli.test.tsv")
    assert "'ur'" in error.message
    assert "de, fr, sw" in error.message


@pytest.mark.parametrize(
    ("directory", "labels"),
    [
        ("multinli", ["entailment", "contradiction", "neutral"]),
        ("multinli-jsonl", ["neutral"]),
    ],
)
def test_multinli_skips_pairs_without_gold_label(directory: str, labels: list[str]):
    examples = rows_of(DATA / directory, "xnli", "en")
    assert [e.label for e in examples if isinstance(e, Example)] == labels


def test_paws_x_skips_what_was_not_translated():
    examples = rows_of(DATA / "paws-x", "paws-x", "fr")
    assert [e.label for e in examples if isinstance(e, Example)] == ["0", "1"]
    assert examples[1] == Example(
        "En mars , elle a quitté Lyon pour Nantes .",
        "Elle a quitté Lyon pour Nantes en mars .",
        "1",
    )


@pytest.mark.parametrize(("format", "ids"), [("squad", ["h1", "h2", "m1"]), ("mlqa", ["l1", "l2"])])
def test_nested_qa(format: str, ids: list[str]):
    questions = rows_of(DATA / format, format, "de")
    assert [q.id for q in questions if isinstance(q, Question)] == ids
    for question in questions:
        assert isinstance(question, Question)
        for answer in question.answers:
            assert question.context[answer.start :].startswith(answer.text)


# Plain JSON Lines


def test_classification():
    assert rows_of(DATA / "classification", "classification", "en") == [
        Example("Fog until noon, then sun.", None, "forecast", "monday"),
        Example("The roof leaks again.", None, "complaint", "monday"),
        Example("Snow is likely in the hills.", None, "forecast", None),
    ]


def test_pairs_turn_whole_numbers_into_names():
    first, second = rows_of(DATA / "pairs", "pairs", "en")
    assert first == Example("The shop shuts at six.", "At six the shop closes.", "1", "7")
    assert second == Example("The shop shuts at six.", "At six the shop opens.", "0", "7")


def test_qa_jsonl():
    first, second = rows_of(DATA / "qa", "qa", "en")
    assert isinstance(first, Question)
    assert isinstance(second, Question)
    assert (first.id, first.answers) == ("f1", (Answer("7:40", 20), Answer("at 7:40", 17)))
    assert (second.id, second.answer_texts) == ("", ("pier 3",))


def test_retrieval():
    assert rows_of(DATA / "retrieval", "retrieval", "fr") == [
        ParallelPair("Le chat dort.", "The cat sleeps."),
        ParallelPair("Il neige.", "It is snowing."),
    ]


# Files and directories


def test_every_format_reads_gzip(tmp_path: Path):
    for format in FORMATS:
        (plain,) = (f for f in (DATA / format).rglob("*") if f.is_file())
        packed = tmp_path / format / f"{plain.name}.gz"
        packed.parent.mkdir()
        packed.write_bytes(gzip.compress(plain.read_bytes()))
        language = "de" if format == "mlqa" else "fr"
        assert rows_of(packed, format, language) == rows_of(plain, format, language)


def test_a_directory_is_read_in_the_order_of_names_without_hidden_files(tmp_path: Path):
    for name in ("b.jsonl", "a/z.jsonl", "a/.part.jsonl", ".hidden/x.jsonl"):
        write(tmp_path / name, json.dumps({"text": name, "label": "x"}) + "\n")
    examples = rows_of(tmp_path, "classification", "en")
    assert [e.text for e in examples if isinstance(e, Example)] == ["a/z.jsonl", "b.jsonl"]


def test_other_line_separators_and_a_byte_order_mark_do_not_cut_lines(tmp_path: Path):
    text = "\ufeffid\tsentence1\tsentence2\tlabel\r\n1\ta\u2028b\x85c\td\x0be\t1\r\n"
    path = tmp_path / "test_2k.tsv"
    path.write_bytes(text.encode())
    # Control characters are spaces: a tokenizer that drops them would join two words.
    assert rows_of(path, "paws-x", "fr") == [Example("a\u2028b c", "d e", "1")]


# Labels


def test_labels_are_sorted_but_nli_keeps_its_order():
    def of(*labels: str) -> tuple[str, ...]:
        return labels_of([Example("a", "b", label) for label in labels])

    assert of("neutral", "contradiction", "entailment", "neutral") == (
        "entailment",
        "neutral",
        "contradiction",
    )
    assert of("b", "a", "b") == ("a", "b")
    assert of("neutral", "contradiction") == ("contradiction", "neutral")
    assert labels_of([]) == ()


def test_the_examples_of_the_manual_are_read(tmp_path: Path):
    manual = (Path(__file__).parents[3] / "docs" / "data.md").read_text()
    shown = dict(re.findall(r"^\| `(\w+)` \| `(\{.*?\})` a line", manual, re.MULTILINE))
    kinds = {"classification", "pairs", "qa", "choice", "instruction", "retrieval", "ner", "pos"}
    assert set(shown) == kinds
    for format, line in shown.items():
        assert len(rows_of(write(tmp_path / "x.jsonl", line), format, "fr")) == 1
    for layout in LAYOUTS:
        assert layout.name.split()[0].split("-GoldP")[0] in manual, layout.name
    assert all(f"`{format}`" in manual for format in FORMATS)
