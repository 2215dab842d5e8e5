"""What is recommended follows from what was measured."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingraft.advice import LITTLE_TEXT, Findings, Fit, advice_lines, advise


def fit(**changes: Any) -> Fit:
    given = {
        "bytes_per_token": 4.0,
        "tokens_per_word": 1.5,
        "unknown": 0.0,
        "in_bytes": 0.0,
        "tokens": 50_000,
    }
    return Fit.model_validate(given | changes)


def findings(**changes: Any) -> Findings:
    """Of a base that knows nothing of a language whose text is plenty."""
    given: dict[str, Any] = {
        "language": "sw",
        "causal": False,
        "method": "Auto",
        "init": "focus",
        "source_text": True,
        "text_bytes": 200_000_000,
        "read_bytes": 64_000_000,
        "duplicates": 0.05,
        "script": 0.99,
        "base": fit(bytes_per_token=2.0, tokens_per_word=3.0),
        "new": fit(),
        "shared": 5_000,
        "spelled": 1.0,
        "untouched": 2.6,
        "words": 2.2,
        "flops": 1e18,
        "flops_standard": 2e18,
        "device_hours": 30.0,
    }
    return Findings.model_validate(given | changes)


KNOWN = {"untouched": 0.6, "base": fit()}


@pytest.mark.parametrize(
    ("changes", "verdict", "words"),
    [
        ({}, "adapt", "adapt: method Auto, start focus (5,000 tokens are in both vocabularies)"),
        (KNOWN, "leave", "leave the base as it is: it knows this language"),
        (
            {"untouched": 0.6},
            "adapt",
            "adapt for shorter texts alone: method Auto, start focus",
        ),
        ({"script": 0.2}, "look", "look at the text first: 20% of its letters"),
        ({"text_bytes": 1_000_000, "duplicates": 0.5}, "more", "get 3.0 MB more text, then adapt"),
        ({"shared": 20, "spelled": 0.1}, "adapt", "start aligned (hardly a token is shared"),
        ({"shared": 20, "spelled": 0.1, "source_text": False}, "adapt", "start random"),
        ({"shared": 20}, "adapt", "start mean (the base can spell 100% of the new tokens)"),
        ({"causal": True}, "adapt", "adapt: method Standard, start mean"),
        ({"method": "MiniPost"}, "adapt", "adapt: method MiniPost"),
        ({"untouched": None}, "adapt", "adapt: method Auto"),
        (KNOWN | {"base": fit(unknown=0.05)}, "adapt", "adapt: method Auto"),
        (KNOWN | {"causal": True, "method": "Auto"}, "leave", "leave the base"),
    ],
    ids=str,
)
def test_the_recommendation(changes: dict[str, Any], verdict: str, words: str) -> None:
    advice = advise(findings(**changes))
    assert advice.verdict == verdict and words in advice.sentence


def test_the_reasons_stand_below_it() -> None:
    lines = advice_lines(found := findings(duplicates=0.4), advise(found))
    text = "\n".join(lines)
    assert lines[0].startswith("sw: adapt: ")
    assert "the base takes 2.00 tokens where a new tokenizer takes one" in text
    assert "it knows next to nothing of the language: it takes 2.60 bits per byte, where" in text
    assert "how often each word is used takes 2.20" in text
    assert "40% of the paragraphs are there more than once" in text
    assert "1e+18 FLOPs, 2e+18 with Standard" in text
    assert text.endswith("takes one core or device about 30 h 00 min")
    text = "\n".join(advice_lines(findings(device_hours=0.02), advise(found)))
    assert text.endswith("about 1 min 12 s"), "never 0.0 hours"


@given(
    text=st.integers(1, 10**10),
    duplicates=st.floats(0, 1),
    untouched=st.none() | st.floats(0.1, 10),
    shared=st.integers(0, 50_000),
    spelled=st.floats(0, 1),
    longer=st.floats(0.5, 10),
)
def test_whatever_is_found(
    text: int,
    duplicates: float,
    untouched: float | None,
    shared: int,
    spelled: float,
    longer: float,
) -> None:
    found = findings(
        text_bytes=text,
        duplicates=duplicates,
        untouched=untouched,
        shared=shared,
        spelled=spelled,
        base=fit(bytes_per_token=4.0 / longer),
    )
    advice = advise(found)
    assert advice_lines(found, advice)
    assert 0 <= advice.missing_bytes <= LITTLE_TEXT
    assert (advice.method is None) == (advice.verdict in ("leave", "look"))
    assert (advice.verdict == "more") == (advice.missing_bytes > 0)
