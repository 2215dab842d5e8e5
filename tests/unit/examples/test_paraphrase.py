"""Paraphrase pairs whose overlap gives nothing away."""

import random
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "examples" / "bible"))

import paraphrase
from bible import Verse


def verse(translation: str, number: int, text: str) -> Verse:
    return Verse(translation, 1, 1, number, text)


ONE = [verse("k", 1, "the king went up"), verse("k", 2, "a river of water ran")]
OTHER = [
    verse("4", 1, "the king ascended"),
    verse("4", 2, "water ran in a river"),
    verse("4", 3, "the king went up to war"),
]


def test_a_pair_is_a_verse_and_its_counterpart_or_the_nearest_of_another_place():
    rows = paraphrase.pairs(ONE, OTHER)
    found = {(row["text"], row["textPair"]): row["label"] for row in rows}
    assert found["the king went up", "the king ascended"] == "paraphrase"
    assert found["the king went up", "the king went up to war"] == "other"
    assert found["a river of water ran", "water ran in a river"] == "paraphrase"
    assert all(row["group"] == "1:1" for row in rows)


def test_a_parallel_passage_is_no_negative():
    twice = [*OTHER, verse("4", 4, "the king went up")]
    rows = paraphrase.pairs(ONE[:1], twice)
    assert [row["label"] for row in rows] == ["paraphrase"]


def test_matching_leaves_the_overlap_nothing_to_say():
    chance = random.Random(0)
    words = [f"w{i}" for i in range(12)]

    def row(label: str, shared: int) -> dict[str, str]:
        mine = chance.sample(words, 12)
        other = mine[:shared] + [f"x{chance.random()}" for _ in range(12 - shared)]
        pair = {"text": " ".join(mine), "textPair": " ".join(other)}
        return pair | {"label": label, "group": str(chance.random())}

    rows = [row("paraphrase", chance.randint(4, 11)) for _ in range(2000)]
    rows += [row("other", chance.randint(1, 8)) for _ in range(2000)]
    assert paraphrase.best_rule(rows) > 0.65
    kept = paraphrase.matched(rows)
    count = Counter(row["label"] for row in kept)
    assert count["paraphrase"] == count["other"] > 500
    assert paraphrase.best_rule(kept) <= 0.55
    assert paraphrase.matched(reversed(rows)) == kept
