"""A tokenizer's figures in words."""

import pytest

from lingraft.report.words import tokenizer_words


@pytest.mark.parametrize(
    ("report", "row"),
    [
        ({"piecesPerWord": 1.5}, ("pieces per word", "1.50", "good")),
        ({"piecesPerWord": 2.0}, ("pieces per word", "2.00", "fair")),
        ({"unknownRate": 0.02}, ("pieces that are unknown", "2.00%", "high: that text is lost")),
        (
            {"sharedCharacters": 0.1},
            ("of the base's characters, also here", "10.00%", "another script"),
        ),
        ({"vocabulary": 4096}, ("pieces in the vocabulary", "4,096", "")),
        ({"writesAnything": True}, ("writes any character", "yes", "")),
        (
            {"writesAnything": False},
            ("writes any character", "no", "characters outside of its text are unknown"),
        ),
    ],
)
def test_a_figure_has_a_unit_and_a_judgement(
    report: dict[str, float], row: tuple[str, ...]
) -> None:
    assert list(tokenizer_words(report)) == [row]


def test_what_is_not_known_or_is_no_number_is_left_out() -> None:
    assert list(tokenizer_words({"sharedWithBase": None, "new": 3, "vocabulary": "many"})) == []
