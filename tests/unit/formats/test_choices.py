"""Multiple choice as its publishers write it, and as one writes one's own."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from lingraft.errors import UserError
from lingraft.formats import Choice, read_examples
from lingraft.formats.files import local_file
from lingraft.formats.tables import csv_rows

BELEBELE = {
    "link": "https://en.wikibooks.org/wiki/Animals",
    "question_number": 1,
    "flores_passage": "Simba wanaishi katika makundi.",
    "question": "Simba wanaishi wapi?",
    "mc_answer1": "Peke yao",
    "mc_answer2": "Katika makundi",
    "mc_answer3": "Majini",
    "mc_answer4": "Angani",
    "correct_answer_num": "2",
    "dialect": "swh_Latn",
    "ds": "2023-05-03",
}
RACE = {
    "answers": ["D", "A"],
    "options": [["a", "b", "c", "d"], ["e", "f", "g", "h"]],
    "questions": ["Who?", "The cat is _ ."],
    "article": "A cat sat.\nIt slept.",
    "id": "high1.txt",
}
COPA = {
    "premise": "Mwanamke alistaafu.",
    "choice1": "Alipokea pencheni.",
    "choice2": "Alilipa deni.",
    "question": "effect",
    "label": 0,
    "idx": 2,
    "changed": False,
}
SIQA = {
    "context": "Tracy didn't go home.",
    "question": "What does Tracy need to do before this?",
    "answerA": "make a new plan",
    "answerB": "go home",
    "answerC": "find somewhere",
    "label": "3",
}
STORY = ["id1", "One.", "Two.", "Three.", "Four.", 'She said "no".', "End, two.", "2"]
STORY_HEADER = [
    "InputStoryid",
    *(f"InputSentence{i}" for i in (1, 2, 3, 4)),
    "RandomFifthSentenceQuiz1",
    "RandomFifthSentenceQuiz2",
    "AnswerRightEnding",
]
EXPORTED_HEADER = [
    "story_id",
    *(f"input_sentence_{i}" for i in (1, 2, 3, 4)),
    "sentence_quiz1",
    "sentence_quiz2",
    "answer_right_ending",
]
TOLD = Choice("One. Two. Three. Four.", "", ('She said "no".', "End, two."), 1)


def lines(path: Path, *rows: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path


def read(path: Path, format: str, language: str = "sw", purpose: Any = "test") -> list[Any]:
    return read_examples(path, format, language, purpose).rows


def refused(path: Path, format: str, language: str = "sw") -> str:
    with pytest.raises(UserError) as caught:
        read(path, format, language)
    return f"{caught.value.where}: {caught.value.message}"


def test_belebele(tmp_path: Path) -> None:
    folder = tmp_path / "Belebele"
    lines(folder / "swh_Latn.jsonl", BELEBELE, BELEBELE | {"correct_answer_num": 4})
    lines(folder / "fra_Latn.jsonl", BELEBELE | {"dialect": "fra_Latn"})
    (folder / "README.md").write_text("About it.")
    first, second = read(folder, "belebele", "sw-KE")
    passage, question = BELEBELE["flores_passage"], BELEBELE["question"]
    choices = ("Peke yao", "Katika makundi", "Majini", "Angani")
    assert first == Choice(passage, question, choices, 1)
    assert second.right == 3 and first.group == second.group == passage
    assert "no row in the language 'fr' (it has swh_Latn)" in refused(
        lines(tmp_path / "x.jsonl", BELEBELE), "belebele", "fr"
    )
    assert "Belebele" in refused(folder / "swh_Latn.jsonl", "belebele", "fr")


def test_race_trains_belebele(tmp_path: Path) -> None:
    """As it is unpacked, and as `datasets` exports it: a question a row."""
    wanted = [
        Choice("A cat sat.\nIt slept.", "Who?", ("a", "b", "c", "d"), 3),
        Choice("A cat sat.\nIt slept.", "The cat is _ .", ("e", "f", "g", "h"), 0),
    ]
    (tmp_path / "train/high").mkdir(parents=True)
    for number in (1, 2):
        (tmp_path / f"train/high/{number}.txt").write_text(json.dumps(RACE))
    assert read(tmp_path / "train", "belebele", "en", "train") == wanted * 2
    rows = [
        {"example_id": "high1.txt", "article": RACE["article"], "answer": answer}
        | {"question": question, "options": options}
        for answer, question, options in zip(
            RACE["answers"], RACE["questions"], RACE["options"], strict=True
        )
    ]
    assert read(lines(tmp_path / "r.jsonl", *rows), "belebele", "en", "train") == wanted
    assert "'answer' is 'E', none of ABCD" in refused(
        lines(tmp_path / "r.jsonl", rows[0] | {"answer": "E"}), "belebele"
    )


def test_belebeles_own_training_set_has_quoted_passages_of_many_lines(tmp_path: Path) -> None:
    path = tmp_path / "belebele_training_set.tsv"
    header = ["", "dataset", "split", "passage_id", "question_id", "passage", "question"]
    header += [*(f"answer{i}" for i in (1, 2, 3, 4)), "correct_answer", "correct_answer_num"]
    row = [0, "RACE", "train", "high1.txt", 0, 'He said\t"yes".\n\nThen went.', "Who?"]
    with path.open("w", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerows([header, [*row, "a", "b", "c", "d", "c", "3.0"]])
        writer.writerow([1, *row[1:5], "Next.", "Who?", "a", "b", "c", "d", "a", 1])
    first, second = read(path, "belebele", "en", "train")
    assert first == Choice('He said\t"yes".\n\nThen went.', "Who?", ("a", "b", "c", "d"), 2)
    assert (second.context, second.right) == ("Next.", 0)
    path.write_text('passage\tquestion\nA.\t"Who?')
    assert f"{path}:2: not CSV" in refused(path, "belebele")


@pytest.mark.parametrize("limit", [5, 12, 20, 1000])
def test_a_beginning_may_end_in_a_quoted_field(tmp_path: Path, limit: int) -> None:
    path = tmp_path / "t.csv"
    path.write_text('a,b\n1,2\n3,"four\n\nlines\nof\ntext"\n')
    file = local_file(path, "t.csv")
    file.limit = limit
    values = [tuple(row.fields.values()) for row in csv_rows(file)]
    assert values == [("1", "2"), ("3", "four\n\nlines\nof\ntext")][: (limit > 8) + (limit > 99)]


def test_xcopa_puts_first_what_came_first(tmp_path: Path) -> None:
    folder = tmp_path / "data/sw"
    lines(folder / "val.sw.jsonl", COPA | {"premise": "Another."})
    lines(folder / "test.sw.jsonl", COPA, COPA | {"question": "cause", "label": 1})
    effect, cause = read(tmp_path, "xcopa")
    choices = ("Alipokea pencheni.", "Alilipa deni.")
    assert effect == Choice("Mwanamke alistaafu.", "", choices, 0, leads=False)
    assert cause == Choice("Mwanamke alistaafu.", "", choices, 1, leads=True)
    path = tmp_path / "x.jsonl"
    assert read(lines(path, COPA | {"label": "choice2"}), "xcopa")[0].right == 1, "a ClassLabel's"
    assert "'question' is 'why'" in refused(lines(path, COPA | {"question": "why"}), "xcopa")
    assert "none of 0 to 1" in refused(lines(path, COPA | {"label": 2}), "xcopa")
    assert "stands for none" in refused(lines(path, COPA | {"label": -1}), "xcopa")
    assert "'label' is missing" in refused(
        lines(path, {n: v for n, v in COPA.items() if n != "label"}), "xcopa"
    )


def test_socialiqa_trains_xcopa(tmp_path: Path) -> None:
    (found,) = read(lines(tmp_path / "s.jsonl", SIQA), "xcopa", "en", "train")
    answers = ("make a new plan", "go home", "find somewhere")
    assert found == Choice(SIQA["context"], SIQA["question"], answers, 2)


@pytest.mark.parametrize("header", [STORY_HEADER, EXPORTED_HEADER])
def test_stories(tmp_path: Path, header: list[str]) -> None:
    """XStoryCloze's tab-separated file, StoryCloze's CSV, and the export of both."""
    plain = tmp_path / "spring2016.val.sw.tsv.split_20_80_eval.tsv"
    plain.write_text("".join("\t".join(row) + "\n" for row in (header, STORY)))
    assert read(plain, "xstorycloze") == [TOLD]
    for name, delimiter in (("quoted.tsv", "\t"), ("cloze_test_val__spring2016 - val.csv", ",")):
        with (tmp_path / name).open("w", newline="") as file:
            csv.writer(file, delimiter=delimiter).writerows([header, STORY])
        assert read(tmp_path / name, "xstorycloze") == [TOLD]
    (tmp_path / "short.csv").write_text(",".join(header) + "\n1,2\n")
    assert "expected 8 comma-separated" in refused(tmp_path / "short.csv", "xstorycloze")
    exported = dict(zip(header, STORY, strict=True)) | {header[-1]: 2}
    assert read(lines(tmp_path / "s.jsonl", exported), "xstorycloze") == [TOLD]


def test_a_quote_that_opens_swallows_no_line(tmp_path: Path) -> None:
    path = tmp_path / "s.tsv"
    opened = [*STORY[:5], '"No, she said.', *STORY[6:]]
    path.write_text("".join("\t".join(row) + "\n" for row in (STORY_HEADER, opened, STORY)))
    first, second = read(path, "xstorycloze")
    assert first.choices[0] == '"No, she said.' and second == TOLD
    path.write_text("\t".join(STORY_HEADER) + "\n" + "\t".join(STORY[:-1]) + "\n")
    assert f"{path}:2: expected 8 columns as in the header, found 7" in refused(path, "xstorycloze")
    path.write_text("")
    assert "the column 'InputSentence1' is missing" in refused(path, "xstorycloze")


def test_own_choices(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    rows = [
        {"context": "It rains.", "question": "What now?", "choices": ["a", "b", "c"], "label": 2},
        {"question": "What now?", "choices": ["a", "b"], "label": "0"},
        {"context": "It rains.", "question": None, "choices": ["a", "b"], "label": 1.0},
    ]
    assert read(lines(path, *rows), "choice") == [
        Choice("It rains.", "What now?", ("a", "b", "c"), 2),
        Choice("", "What now?", ("a", "b"), 0),
        Choice("It rains.", "", ("a", "b"), 1),
    ]
    assert read(path, "choice")[1].group is None
    names = {"context": "sent1", "choices": "endings"}
    other = {"sent1": "It rains.", "endings": ["a", "b"], "label": 0}
    found = read_examples(lines(path, other), "choice", "sw", "test", columns=names).rows
    assert found == [Choice("It rains.", "", ("a", "b"), 0)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"context": None}, "'context' is missing, and so is a question"),
        ({"choices": "a"}, "'choices' is no list"),
        ({"choices": ["a"]}, "'choices' must hold two texts or more"),
        ({"choices": ["a", " "]}, r"'choices[1]' must be a string that is not empty"),
        ({"choices": ["a", 7]}, r"'choices[1]' must be a string"),
        ({"choices": None}, "'choices' is missing"),
        ({"label": 2}, "'label' is 2, which is none of 0 to 1"),
        ({"label": "b"}, "'label' is 'b', which is none of 0 to 1"),
        ({"label": True}, "'label' is True"),
        ({"label": None}, "'label' is missing"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    row = {"context": "It rains.", "choices": ["a", "b"], "label": 0} | changes
    said = refused(lines(tmp_path / "c.jsonl", row), "choice").replace('"', "'")
    assert message in said and f"{tmp_path}/c.jsonl:1: " in said


@pytest.mark.parametrize("choices", [["a", "b", "a"], ["a", "a "]])
def test_two_choices_that_are_one_are_refused(tmp_path: Path, choices: list[str]) -> None:
    row = {"question": "Who?", "choices": choices, "label": 0}
    said = refused(lines(tmp_path / "c.jsonl", row), "choice")
    assert "c.jsonl:1: the field 'choices' holds the same text twice" in said
