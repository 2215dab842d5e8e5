"""Documents come back from their pieces; where one is left out no sentence has a hole."""

from hypothesis import given
from hypothesis import strategies as st

from lingraft_trainer.data.pieces import (
    GOES_ON,
    LONGEST,
    REPEATED,
    kept_texts,
    paragraphs_of,
    pieces_of,
)

WORDS = st.lists(st.sampled_from(["le", "chat", "x" * 700, "字" * 1_300, "."]), min_size=1)
PARAGRAPHS = st.lists(WORDS.map(" ".join), min_size=1, max_size=6)


def cut(paragraphs: list[str], *, marked: bool = True) -> list[str]:
    return [piece for one in paragraphs for piece in pieces_of(one, marked=marked)]


@given(PARAGRAPHS, st.data())
def test_a_document_comes_back(paragraphs: list[str], data: st.DataObject) -> None:
    pieces = cut(paragraphs)
    assert all(len(piece) <= LONGEST + 1 for piece in pieces)
    marks = data.draw(st.lists(st.booleans(), min_size=len(pieces), max_size=len(pieces)))
    marks[0] = False  # something is new
    marked = [REPEATED + p if mark else p for p, mark in zip(pieces, marks, strict=True)]
    assert kept_texts(marked, (), between="\n") == ["\n".join(paragraphs)]
    assert paragraphs_of(marked, range(len(marked))) == paragraphs


@given(PARAGRAPHS, st.data())
def test_what_is_left_out_and_what_stays_are_the_text(
    paragraphs: list[str], data: st.DataObject
) -> None:
    pieces = cut(paragraphs)
    out = data.draw(st.sets(st.integers(0, len(pieces) - 1)))
    kept = kept_texts(pieces, out, between="\n")
    said = [*kept, *paragraphs_of(pieces, out)]
    assert sorted("".join("".join(said).split())) == sorted("".join("".join(paragraphs).split()))
    whole = "\n".join(paragraphs)
    assert all(line in whole for text in kept for line in text.split("\n"))
    assert all(text.strip() == text and text and GOES_ON not in text for text in said)


@given(PARAGRAPHS)
def test_without_marks_a_space_stands_between_pieces(paragraphs: list[str]) -> None:
    pieces = cut(paragraphs, marked=False)
    assert kept_texts(pieces, (), between=" ") == [" ".join(pieces)]
    assert paragraphs_of(pieces, range(len(pieces))) == pieces


def test_nothing_is_left_of_a_document_whose_news_are_held_out() -> None:
    assert kept_texts(["new", REPEATED + "}"], {0}, between="\n") == []
    assert kept_texts(["a", "b" + "c", GOES_ON + " d", "e"], {1}, between="\n") == ["a", "d\ne"]
