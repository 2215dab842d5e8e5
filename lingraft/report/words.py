"""Figures of a tokenizer in words, with their units and what to think of them. Pure."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple


class Worded(NamedTuple):
    """A figure for people."""

    what: str
    value: str
    judgement: str


def _few(good: float, fair: float, of: str) -> Callable[[float], str]:
    """Less is better."""

    def judge(value: float) -> str:
        word = "good" if value <= good else "fair" if value <= fair else "high"
        return f"{word}: {of}" if word == "high" else word

    return judge


def _share(value: float) -> str:
    return f"{value:.2%}"


def _plain(value: float) -> str:
    return f"{value:.2f}"


def _whole(value: float) -> str:
    return f"{value:,.0f}"


_SHOWN: dict[str, tuple[str, Callable[[float], str], Callable[[float], str]]] = {
    "vocabulary": ("pieces in the vocabulary", _whole, lambda value: ""),
    "piecesPerWord": (
        "pieces per word",
        _plain,
        _few(1.7, 2.5, "words fall into many pieces; a larger vocabulary cuts fewer"),
    ),
    "charactersPerPiece": ("characters per piece", _plain, lambda value: "more is better"),
    "unknownRate": ("pieces that are unknown", _share, _few(0.0005, 0.01, "that text is lost")),
    "byteRate": (
        "pieces that are bytes of rare characters",
        _share,
        _few(0.005, 0.03, "characters of this text have no piece of their own"),
    ),
    "truncatedShare": (
        "paragraphs longer than a training sequence",
        _share,
        _few(0.2, 1.0, "they are cut in two"),
    ),
    "sharedWithBase": (
        "of the vocabulary, also in the base's",
        _share,
        lambda value: "few: starts that copy rows have little to copy" if value < 0.05 else "",
    ),
    "sharedCharacters": (
        "of the base's characters, also here",
        _share,
        lambda value: "another script" if value < 0.2 else "",
    ),
    "sequenceLength": ("pieces in a training sequence", _whole, lambda value: ""),
    "sampleParagraphs": ("paragraphs these figures are of", _whole, lambda value: ""),
}


def tokenizer_words(report: Mapping[str, Any]) -> Iterator[Worded]:
    """Each figure of `tokenizer_report.json` that is known."""
    for key, (what, written, judge) in _SHOWN.items():
        value = report.get(key)
        if isinstance(value, int | float):
            yield Worded(what, written(value), judge(value))
    if isinstance(able := report.get("writesAnything"), bool):
        said = "yes" if able else "no: characters outside of its text are unknown"
        yield Worded("writes any character", "yes" if able else "no", "" if able else said[4:])
