"""What choices are held to: the one that shares most words with its context."""

from bench.replication.floors import nearest
from lingraft.formats import Choice


def test_the_choice_that_shares_most_words() -> None:
    choices = ("a red house", "the cat sat", "the cat sat on a mat")
    assert nearest(Choice("The cat sat on a mat today", "", choices, 0)) == "2"
    assert nearest(Choice("", "Who sat? the cat", choices, 0)) == "1"
    assert nearest(Choice("nothing", "", choices, 0)) == "0"
