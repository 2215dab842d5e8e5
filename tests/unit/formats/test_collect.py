"""What is left out is counted and said, and too much of it refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from lingraft.errors import UserError
from lingraft.formats import Example, Purpose, Question, labels_of, read_examples

BROKEN: list[dict[str, Any]] = [{"text": None, "label": "x"}, {"label": "x"}, {"text": "\ud800"}]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def good(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"text": f"text {i}", "label": "ab"[i % 2]} | more for i in range(count)]


@pytest.mark.parametrize("purpose", ["train", "dev", "test", "sourceTest"])
def test_up_to_one_percent_of_the_rows_are_left_out(tmp_path: Path, purpose) -> None:
    path = write(tmp_path / "t.jsonl", [*good(100), *BROKEN[:1], *good(197)])
    found = read_examples(path, "classification", "en", purpose)
    assert len(found.rows) == 297
    assert found.to_json() == {"files": [{"name": "t.jsonl", "rows": 297}], "skipped": 1}
    assert found.warning is not None
    assert found.warning.startswith("1 of 298 rows were left out, the first at ")
    assert f"{path}:101: the field 'text' is null" in found.warning
    whole = read_examples(write(path, good(9)), "classification", "en", purpose)
    assert (whole.skipped, whole.warning) == (0, None)


@pytest.mark.parametrize(("rows", "broken", "fits"), [(99, 1, True), (98, 1, False), (297, 3, True),
                                                      (296, 3, False), (0, 1, False)])  # fmt: skip
def test_more_is_refused_by_the_first_of_them(
    tmp_path: Path, rows: int, broken: int, fits: bool
) -> None:
    path = write(tmp_path / "t.jsonl", [*good(rows), *BROKEN[:broken]])
    if fits:
        assert len(read_examples(path, "classification", "en", "test").rows) == rows
        return
    with pytest.raises(UserError) as caught:
        read_examples(path, "classification", "en", "test")
    assert caught.value.where == f"{path}:{rows + 1}"
    assert f"({broken} of {rows + broken} rows cannot be used; up to 1 %" in caught.value.message


def test_a_wrong_column_is_told_with_those_there_are(tmp_path: Path) -> None:
    rows = [{"sentence": "a", "category": "b"}] * 3
    with pytest.raises(UserError) as caught:
        read_examples(write(tmp_path / "t.jsonl", rows), "classification", "en", "test")
    assert "the row has sentence, category" in caught.value.message


def test_files_are_told_by_their_paths_below_the_folder(tmp_path: Path) -> None:
    for name, count in (("a/z.jsonl", 2), ("b/z.jsonl", 3)):
        write(tmp_path / name, good(count))
    found = read_examples(tmp_path, "classification", "en", "train")
    assert found.files == {"a/z.jsonl": 2, "b/z.jsonl": 3}


# Names of columns and labels


def test_columns_are_called_what_the_file_calls_them(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", [{"sentence": "a", "label": "not this", "gold": 1}])
    columns = {"text": "sentence", "label": "gold"}
    (found,) = read_examples(path, "classification", "en", "test", columns=columns).rows
    assert found == Example("a", None, "1", None)
    with pytest.raises(UserError, match="the field 'premise' is missing"):
        read_examples(path, "pairs", "en", "test", columns={"text": "premise"})
    # Ours is then another column of theirs.
    write(path, [{"text": "b", "label": "x"}])
    with pytest.raises(UserError, match="the field 'sentence' is missing"):
        read_examples(path, "classification", "en", "test", columns=columns)


def test_columns_of_questions_and_parallel_text(tmp_path: Path) -> None:
    answers = {"text": ["b"], "answer_start": [2]}
    path = write(tmp_path / "t.jsonl", [{"p": "a b", "q": "c", "a": answers, "n": 5}])
    columns = {"context": "p", "question": "q", "answers": "a", "id": "n"}
    (found,) = read_examples(path, "qa", "en", "test", columns=columns).rows
    assert isinstance(found, Question) and (found.id, found.answer_texts) == ("5", ("b",))
    write(path, [{"sw": "habari", "en": "hello"}])
    columns = {"source": "sw", "target": "en"}
    (pair,) = read_examples(path, "retrieval", "sw", "test", columns=columns).rows
    assert repr(pair) == "ParallelPair(source='habari', target='hello')"


@pytest.mark.parametrize(
    ("label", "read"),
    [(0, "neg"), (1, "neu"), (2.0, "pos"), ("1", "neu"), ("pos", "pos"), ("neg ", "neg")],
)
def test_numbers_of_labels_are_their_names(tmp_path: Path, label: Any, read: str) -> None:
    names = ("neg", "neu", "pos")
    path = write(tmp_path / "t.jsonl", [{"text": "a", "label": label}])
    (found,) = read_examples(path, "classification", "en", "test", names=names).rows
    assert isinstance(found, Example) and found.label == read


@pytest.mark.parametrize(("label", "said"), [(3, "unknown label '3'"), ("Pos", "'pos' in case"),
                                             (-1, "stands for none"), (-2, "unknown label '-2'"),
                                             ("bad", "expected one of neg, neu, pos")])  # fmt: skip
def test_labels_that_are_not_among_the_names(tmp_path: Path, label: Any, said: str) -> None:
    path = write(tmp_path / "t.jsonl", [{"text": "a", "label": label}])
    with pytest.raises(UserError) as caught:
        read_examples(path, "classification", "en", "test", names=("neg", "neu", "pos"))
    assert said in caught.value.message and caught.value.where == f"{path}:1"


def test_names_that_are_numbers_stand_for_themselves(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", [{"text": "a", "label": 1}, {"text": "b", "label": "2"}])
    found = read_examples(path, "classification", "en", "test", names=("2", "1"))
    assert list(found.labels) == ["1", "2"]
    assert labels_of(found.rows, ("2", "1")) == ("2", "1")


def test_a_model_has_those_of_the_names_that_were_trained() -> None:
    rows = [Example("a", None, label) for label in ("pos", "neg", "pos")]
    assert labels_of(rows, ("neg", "neu", "pos")) == ("neg", "pos")
    assert labels_of(rows) == ("neg", "pos")


def test_labels_that_differ_only_in_case_are_a_slip(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", [{"text": "a", "label": x} for x in ("Yes", "No", "yes")])
    with pytest.raises(UserError, match="'Yes' and 'yes' differ only in case") as caught:
        read_examples(path, "classification", "en", "train")
    assert caught.value.where == f"{path}:3"
    with pytest.raises(UserError, match="it differs from 'Yes' in case"):
        read_examples(path, "classification", "en", "test", trained=("No", "Yes"))
    assert read_examples(path, "classification", "en", "train", names=("Yes", "No", "yes")).rows


@pytest.mark.parametrize("twin", ["cafe\u0301", "caf\u00e9\u200b", "\uff43af\u00e9"])
def test_labels_that_look_alike_are_a_slip(tmp_path: Path, twin: str) -> None:
    path = write(
        tmp_path / "t.jsonl", [{"text": "a", "label": x} for x in ("caf\u00e9", "b", twin)]
    )
    with pytest.raises(UserError, match="differ only in what cannot be seen, 'caf") as caught:
        read_examples(path, "classification", "en", "train")
    assert caught.value.where == f"{path}:3" and ascii(twin) in caught.value.message
    with pytest.raises(UserError, match="it differs from 'caf\u00e9' in what cannot be seen"):
        read_examples(path, "classification", "en", "test", trained=("caf\u00e9", "b"))


def test_scores_are_no_classes(tmp_path: Path) -> None:
    """STS-B's are written so, and each would be a class of its own."""
    scores = "".join(f"a sentence\t{number / 8:.3f}\n" for number in range(8))
    path = tmp_path / "t.tsv"
    path.write_text(f"text\tlabel\n{scores}")
    with pytest.raises(
        UserError, match=r"the label '0.125' is a score, and only classes"
    ) as caught:
        read_examples(path, "classification", "en", "train")
    assert caught.value.where == f"{path}:3"
    names = [f"{number / 8:.3f}" for number in range(8)]
    assert read_examples(path, "classification", "en", "train", names=names).rows
    numbers = write(tmp_path / "t.jsonl", [{"text": "a", "label": 0.5}])
    with pytest.raises(UserError, match=r"'label' is 0\.5; expected a string or a whole number"):
        read_examples(numbers, "classification", "en", "train")


def test_a_label_for_each_example_is_another_column(tmp_path: Path) -> None:
    rows = [{"text": "a", "label": f"id{number}"} for number in range(30)]
    path = write(tmp_path / "t.jsonl", rows)
    with pytest.raises(UserError, match="30 labels for 30 examples: is this the column"):
        read_examples(path, "classification", "en", "train")
    assert read_examples(path, "classification", "en", "test").rows
    assert read_examples(write(path, rows * 2), "classification", "en", "train").rows


@pytest.mark.parametrize("purpose", ["test", "sourceTest"])
def test_a_test_of_one_label_has_none(tmp_path: Path, purpose: Purpose) -> None:
    path = write(tmp_path / "t.jsonl", [{"text": "a", "label": 0}] * 20)
    with pytest.raises(UserError, match="all examples of this test have the label '0'"):
        read_examples(path, "classification", "en", purpose)
    words = write(tmp_path / "w.jsonl", [{"tokens": ["a"], "tags": ["O"]}] * 20)
    with pytest.raises(UserError, match="all examples of this test have the label 'O'"):
        read_examples(words, "ner", "en", purpose)
    assert read_examples(path, "classification", "en", "train").rows


def test_a_number_where_names_were_trained_hints_at_their_order(tmp_path: Path) -> None:
    path = write(tmp_path / "t.jsonl", [{"text": "a", "label": 1}])
    with pytest.raises(UserError, match=r"name them in order: tasks\[\]\.labels"):
        read_examples(path, "classification", "en", "test", trained=("neg", "pos"))


def test_labels_that_are_numbers_are_in_their_order() -> None:
    rows = [Example("a", None, str(i)) for i in (10, 9, 2, -1, 0)]
    assert labels_of(rows) == ("-1", "0", "2", "9", "10")
