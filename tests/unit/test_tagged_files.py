"""What is wrong with files of tagged words is told before anything is spent."""

from pathlib import Path

import pytest

from lingraft import task_files
from lingraft.formats.wanted import Wanted
from tests.unit.test_task_files import mistakes

SENTENCES = "Ana B-PER\nleft O\n\nRain O\n\n"


def put(path: Path, text: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path.as_uri()


def test_what_fits_is_silent(tmp_path: Path) -> None:
    train = put(tmp_path / "train.txt", SENTENCES)
    test = put(tmp_path / "test.txt", "Ana B-PER\nDiop I-PER\n")
    assert mistakes(format="ner", train=train, test=test) == []
    assert mistakes(format="pos", train=put(tmp_path / "a.tsv", "a\tX\nb\tNOUN\n"), test=test) == [
        f"spec.tasks.0.test: {tmp_path}/test.txt:1: unknown label 'B-PER'; expected one of NOUN, X"
    ]


def test_tags_must_fit_those_of_the_training_data(tmp_path: Path) -> None:
    train = put(tmp_path / "train.txt", SENTENCES)
    (found,) = mistakes(
        format="ner", train=train, test=put(tmp_path / "a.txt", "May O\n\nJune B-DATE\n")
    )
    assert f"{tmp_path}/a.txt:3: unknown label 'B-DATE'; expected one of B-PER, O" in found
    (found,) = mistakes(format="ner", train=train, test=put(tmp_path / "b.txt", "Ana B-Per\n"))
    assert f"{tmp_path}/b.txt:1: unknown label 'B-Per'" in found and "differs from 'B-PER'" in found
    outside = put(tmp_path / "o.txt", "Rain O\n\nSnow O\n")
    (found,) = mistakes(format="ner", train=outside, test=outside)
    assert "spec.tasks.0.train" in found
    assert "all training examples have the label 'O': give at least two" in found


def test_a_language_in_a_files_name_is_looked_at(tmp_path: Path) -> None:
    train = put(tmp_path / "train-en.tsv", SENTENCES.replace(" ", "\t"))
    test = put(tmp_path / "test-yo.tsv", SENTENCES.replace(" ", "\t"))
    (found,) = mistakes(format="ner", train=train, test=test)
    assert "spec.tasks.0.test" in found and "says that it is in 'yo'" in found


def test_a_beginning_condemns_nothing_that_may_come_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = put(tmp_path / "train.txt", "Rain O\n\n" * 9000 + "Lagos B-LOC\n")
    test = put(tmp_path / "test.txt", "Lagos B-LOC\n")
    assert mistakes(format="ner", train=train, test=test) == []
    # The limit cuts a sentence in two, of which the first half has no meaning of its own.
    half = put(tmp_path / "half.txt", "Rain O\n" + "Snow O\n" * 20 + "\nAna B-PER\nDiop I-PER\n")
    monkeypatch.setattr(task_files, "MOST_BYTES", 7 * 21 + 1 + 10)
    found = task_files.first_rows(half, Wanted("ner", "en", "train"))
    assert found is not None and found.labels == ("O",) and not found.whole
