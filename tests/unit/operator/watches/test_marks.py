"""What was under way when the operator was killed is known to the next one."""

from pathlib import Path

import pytest

from lingraft_operator.watches.marks import Marks

A, B = ("ns", "a"), ("ns", "b")
ASKED = ("uid", 1, "")


def test_the_second_death_sets_aside_and_an_edit_begins_anew(tmp_path: Path) -> None:
    assert Marks(tmp_path).begin(A, ASKED)
    second = Marks(tmp_path)
    assert not second.sets_aside(A, ASKED)
    assert second.begin(A, ASKED)
    assert Marks(tmp_path).sets_aside(A, ASKED)
    third = Marks(tmp_path)  # and it stays so
    assert third.sets_aside(A, ASKED)
    assert not third.sets_aside(A, ("uid", 2, ""))
    assert not third.sets_aside(A, ("uid", 1, "again"))
    assert third.begin(A, ("uid", 2, ""))
    third.end(A)
    assert not Marks(tmp_path).sets_aside(A, ASKED)
    assert list(tmp_path.iterdir()) == []


def test_what_is_set_aside_gets_another_look_after_a_while_that_doubles(tmp_path: Path) -> None:
    now = [1000.0]
    waits: list[float] = []
    for _ in range(14):
        marks = Marks(tmp_path, lambda: now[0])
        waits.append(marks.sets_aside(A, ASKED))
        now[0] += waits[-1]
        assert marks.sets_aside(A, ASKED) == 0 and marks.begin(A, ASKED)
        now[0] += 1
    assert waits == [0, 0, *(min(60 * 2**n, 6 * 3600) for n in range(12))]
    marks = Marks(tmp_path, lambda: now[0])
    now[0] += marks.sets_aside(A, ASKED)
    assert marks.begin(A, ASKED)
    marks.end(A)
    assert not Marks(tmp_path, lambda: now[0]).sets_aside(A, ASKED), "it came to its end"


def test_a_restart_makes_nobody_wait_for_longer(tmp_path: Path) -> None:
    for _ in range(2):
        assert Marks(tmp_path, lambda: 0.0).begin(A, ASKED)
    assert Marks(tmp_path, lambda: 0.0).sets_aside(A, ASKED) == 60
    assert Marks(tmp_path, lambda: 50.0).sets_aside(A, ASKED) == 10


def test_who_was_beside_it_by_chance_is_not_set_aside(tmp_path: Path) -> None:
    first = Marks(tmp_path)
    assert first.begin(A, ASKED) and first.begin(B, ASKED)
    second = Marks(tmp_path)
    assert second.begin(A, ASKED)
    assert not second.begin(B, ASKED), "suspects are looked at one at a time"
    assert second.begin(("ns", "c"), ASKED), "others go on"
    third = Marks(tmp_path)
    assert third.sets_aside(A, ASKED)
    assert not third.sets_aside(B, ASKED)
    assert third.begin(B, ASKED)
    third.end(B)
    assert not Marks(tmp_path).sets_aside(B, ASKED)


def test_a_process_that_is_told_to_stop_accuses_nobody(tmp_path: Path) -> None:
    for _ in range(5):
        marks = Marks(tmp_path)
        assert marks.begin(A, ASKED)
        marks.close()
    assert not Marks(tmp_path).sets_aside(A, ASKED)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"namespace": "a"}'])
def test_a_mark_that_was_half_written_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.json").write_text(content)
    Marks(tmp_path)
    assert list(tmp_path.iterdir()) == []
