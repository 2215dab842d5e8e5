"""Whole folders as published: the right rows of them, each once."""

import json
from pathlib import Path
from typing import Any

import pytest

from lingraft.errors import UserError
from lingraft.formats import Example, Question, read_examples

NLI = ("gold_label", "sentence1", "sentence2", "promptID")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def nli_files(stem: Path, rows: list[dict[str, str]]) -> None:
    """The same rows in both formats."""
    names = list(rows[0])
    table = "\n".join("\t".join(row[name] for name in names) for row in rows)
    for suffix in (".txt", ".tsv"):
        write(stem.with_name(stem.name + suffix), "\t".join(names) + "\n" + table + "\n")
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    write(stem.with_name(stem.name + ".jsonl"), lines)


def nli(split: str, count: int, **more: str) -> list[dict[str, str]]:
    labels = ("entailment", "neutral", "contradiction")
    return [
        dict(zip(NLI, (labels[i % 3], f"{split} {i}", f"h {i}", str(i)), strict=True)) | more
        for i in range(count)
    ]


def texts(path: Path, format: str, language: str, purpose: Any) -> list[str]:
    rows = read_examples(path, format, language, purpose).rows
    return [row.text if isinstance(row, Example) else str(row) for row in rows]


def test_multinli(tmp_path: Path) -> None:
    folder = tmp_path / "multinli_1.0"
    for split, count in (("train", 9), ("dev_matched", 3), ("dev_mismatched", 3)):
        nli_files(folder / f"multinli_1.0_{split}", nli(split, count))
        (folder / f"multinli_1.0_{split}.tsv").unlink()
    for name in ("README.txt", ".DS_Store", "paper.pdf", "Icon\r"):
        write(folder / name, "no data")
    write(tmp_path / "__MACOSX/multinli_1.0/._multinli_1.0_train.jsonl", "no data")
    for path in (folder, tmp_path):
        assert texts(path, "xnli", "en", "train") == [f"train {i}" for i in range(9)]
        assert texts(path, "xnli", "en", "dev") == [f"dev_matched {i}" for i in range(3)]
        with pytest.raises(UserError, match=r"dev_matched\.jsonl.*may all be meant"):
            read_examples(path, "xnli", "en", "sourceTest")


def test_xnli(tmp_path: Path) -> None:
    for split in ("dev", "test"):
        rows = [r for code in ("ar", "sw", "zh") for r in nli(f"{split} {code}", 3, language=code)]
        nli_files(tmp_path / f"xnli.{split}", rows)
        (tmp_path / f"xnli.{split}.txt").unlink()
    assert texts(tmp_path, "xnli", "sw", "test") == [f"test sw {i}" for i in range(3)]
    assert texts(tmp_path, "xnli", "zh-Hans", "test") == [f"test zh {i}" for i in range(3)]
    assert texts(tmp_path, "xnli", "sw-TZ", "dev") == [f"dev sw {i}" for i in range(3)]
    with pytest.raises(UserError, match=r"no row in the language 'it' \(it has ar, sw, zh\)"):
        read_examples(tmp_path, "xnli", "it", "test")


@pytest.mark.parametrize(("asked", "said"), [("it", "it-IT"), ("it-IT", "IT"), ("it", "it_IT")])
def test_tags_of_one_language_are_the_same(tmp_path: Path, asked: str, said: str) -> None:
    nli_files(tmp_path / "xnli.test", nli("t", 3, language=said))
    assert len(read_examples(tmp_path / "xnli.test.tsv", "xnli", asked, "test").rows) == 3


def test_xnli_mt(tmp_path: Path) -> None:
    rows = ["premise\thypo\tlabel", "a\tb\tcontradictory", "c\td\tneutral", "e\tf\tentailment"]
    for code in ("en", "fr"):
        write(tmp_path / f"multinli/multinli.train.{code}.tsv", "\n".join(rows))
    found = read_examples(tmp_path, "xnli", "en", "train")
    assert found.rows[0] == Example("a", "b", "contradiction", None)
    assert found.files == {"multinli/multinli.train.en.tsv": 3}


def test_paws_x(tmp_path: Path) -> None:
    for code in ("fr", "de"):
        for name in ("translated_train", "dev_2k", "test_2k"):
            rows = f"id\tsentence1\tsentence2\tlabel\n1\t{code} {name}\tb\t1\n"
            write(tmp_path / f"x-final/{code}/{name}.tsv", rows)
    for path in (tmp_path, tmp_path / "x-final", tmp_path / "x-final/fr"):
        assert texts(path, "paws-x", "fr", "test") == ["fr test_2k"]


def squad(context: str, *qas: dict[str, Any]) -> dict[str, Any]:
    return {"data": [{"title": "", "paragraphs": [{"context": context, "qas": list(qas)}]}]}


def qa(text: str, start: int, identity: str = "1") -> dict[str, Any]:
    return {"id": identity, "question": "q", "answers": [{"text": text, "answer_start": start}]}


def test_mlqa_reads_the_pair_of_its_language(tmp_path: Path) -> None:
    codes = ("ar", "de", "en", "es", "hi", "vi", "zh")
    for context in codes:
        for question in codes:
            value = squad(f"{context} {question}", qa(context, 0))
            name = f"test/test-context-{context}-question-{question}.json"
            write(tmp_path / "MLQA_V1" / name, json.dumps(value))
    for path in (tmp_path, tmp_path / "MLQA_V1", tmp_path / "MLQA_V1/test"):
        (found,) = read_examples(path, "mlqa", "de", "test").rows
        assert isinstance(found, Question) and found.context == "de de"


def read(tmp_path: Path, value: dict[str, Any], purpose: Any = "test") -> list[Question]:
    write(tmp_path / "x.json", json.dumps(value))
    rows = read_examples(tmp_path / "x.json", "squad", "en", purpose).rows
    return [row for row in rows if isinstance(row, Question)]


@pytest.mark.parametrize(
    ("text", "start", "found"),
    [
        (" dog ", 3, ("dog", 4)),
        ("dog", 4, ("dog", 4)),
        ("the", 20, ("the", 20)),
        ("the", 18, ("the", 20)),
        ("the", 5, ("the", 0)),
        ("dog", 0, ("dog", 4)),
        ("dog", -1, ("dog", 4)),
        ("dog", 4.0, ("dog", 4)),
        ("dog", 900, ("dog", 4)),
        ("cat", 4, ("cat", None)),
    ],
)
def test_answers_are_where_their_text_stands_nearest(
    tmp_path: Path, text: str, start: float, found: tuple[str, int | None]
) -> None:
    context = "the dog sleeps near the sea"
    (question,) = read(tmp_path, squad(context, {**qa(text, 0), "answers": [
        {"text": text, "answer_start": start}
    ]}))  # fmt: skip
    (answer,) = question.answers
    assert (answer.text, answer.start) == found


def test_training_needs_the_answer_in_its_context(tmp_path: Path) -> None:
    value = squad("a b", *(qa("b", 2, str(i)) for i in range(99)), qa("z", 0))
    assert len(read(tmp_path, value, "test")) == 100
    assert len(read(tmp_path, value, "train")) == 99
    with pytest.raises(UserError, match="has a text that the context lacks"):
        read(tmp_path, squad("a b", qa("z", 0)), "train")


def test_questions_of_tydiqa_are_told_apart_by_their_ids(tmp_path: Path) -> None:
    value = squad("a b", *(qa("b", 2, f"{n}-12-3") for n in ("arabic", "english", "swahili")))
    assert [q.id for q in read(tmp_path, value)] == ["english-12-3"]
    write(tmp_path / "x.json", json.dumps(squad("a b", qa("b", 2, "swahili-1-0"))))
    with pytest.raises(UserError, match=r"'en' \(it has sw\)"):
        read_examples(tmp_path / "x.json", "squad", "en", "test")


def test_own_questions_count_characters_and_lose_spaces_at_their_answers_ends(
    tmp_path: Path,
) -> None:
    row = {"context": "a dog", "question": "q", "answers": {"text": [" dog"], "answer_start": [1]}}
    path = tmp_path / "t.jsonl"
    write(path, json.dumps(row))
    (found,) = read_examples(path, "qa", "en", "train").rows
    assert isinstance(found, Question)
    assert [(a.text, a.start) for a in found.answers] == [("dog", 2)]
    assert found.group == "a dog"
    write(path, json.dumps(row | {"answers": {"text": ["dog"], "answer_start": [1]}}))
    with pytest.raises(UserError, match="'dog', which is not at character 1"):
        read_examples(path, "qa", "en", "test")
