"""What is trained on and what chooses the epoch: whole groups on one side, and nothing twice."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingraft.errors import UserError
from lingraft.formats.examples import Example, Question
from lingraft.params import FinetuneParams
from lingraft_trainer.tasks import training_data
from lingraft_trainer.tasks.training_data import read_training
from tests.unit.trainer.stages.test_finetune import params, question_rows, write


def split(
    folder: Path, rows: list[dict[str, Any]], format: str = "classification"
) -> tuple[list[Any], list[Any], tuple[str, ...]]:
    train = write(folder / "rows.jsonl", rows)
    asked = FinetuneParams.model_validate(params(format))
    return training_data.split(read_training({"train": train}, asked), asked, where="train")


@given(sizes=st.lists(st.integers(1, 6), min_size=1, max_size=30), seed=st.integers(0, 99))
def test_no_group_is_in_train_and_dev(
    sizes: list[int], seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows = [
        {"text": f"text {g} {i}", "label": "ab"[(g + i) % 2], "group": f"chapter {seed}-{g}"}
        for g, size in enumerate(sizes)
        for i in range(size)
    ]
    folder = tmp_path_factory.mktemp("split")
    if len(rows) == 1:
        with pytest.raises(UserError, match="give"):
            split(folder, rows)
        return
    train, dev, _ = split(folder, rows)
    assert train and dev
    assert sorted(r.text for r in [*train, *dev]) == sorted(r["text"] for r in rows)
    if len(sizes) > 1:
        assert not {r.group for r in train} & {r.group for r in dev}


def test_the_split_holds_a_tenth_and_is_the_same_every_time(tmp_path: Path) -> None:
    rows = [{"text": f"text {i}", "label": "ab"[i % 2]} for i in range(1000)]
    _, dev, labels = split(tmp_path, rows)
    assert 70 < len(dev) < 130 and labels == ("a", "b")
    again = split(tmp_path, rows[::-1])
    assert {r.text for r in again[1]} == {r.text for r in dev}, "it depends on the rows alone"
    twice = split(tmp_path, [rows[0], *rows])
    sides = defaultdict(set)
    for name, side in (("train", twice[0]), ("dev", twice[1])):
        for row in side:
            assert isinstance(row, Example)
            sides[row.text].add(name)
    assert all(len(found) == 1 for found in sides.values()), "a repeated row is on both sides"


def test_dev_labels_that_were_not_trained_are_refused(tmp_path: Path) -> None:
    train = write(tmp_path / "train.jsonl", [{"text": "a", "label": x} for x in "ab"])
    dev = write(tmp_path / "dev.jsonl", [{"text": "a", "label": x} for x in "abc"])
    asked = FinetuneParams.model_validate(params())
    with pytest.raises(UserError, match="unknown label 'c'; expected one of a, b") as caught:
        read_training({"train": train, "dev": dev}, asked)
    assert caught.value.where == f"{dev}:3"
    # Where the task names them, only those that occur are trained.
    asked = FinetuneParams.model_validate(params(labels=["c", "b", "a"]))
    with pytest.raises(UserError, match="unknown label 'c'; expected one of b, a"):
        read_training({"train": train, "dev": dev}, asked)


def test_questions_on_one_paragraph_stay_together(tmp_path: Path) -> None:
    rows = [row | {"id": f"{i}"} for i, row in enumerate(question_rows(3) * 20)]
    train, dev, labels = split(tmp_path, rows, "qa")
    contexts = [{q.context for q in side if isinstance(q, Question)} for side in (train, dev)]
    assert all(contexts) and not contexts[0] & contexts[1]
    assert labels == ()
