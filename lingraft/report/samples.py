"""What models wrote, before and after the graft: taken from a manifest, shown as it is."""

from collections.abc import Iterator, Mapping
from typing import Any

SAMPLES = ("prompt", "how", "untouched base", "graft")
"""Titles of `sample_rows`."""


def sample_rows(metrics: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """A row of `SAMPLES` for each way in which a prompt was gone on with."""
    samples: dict[str, Any] = metrics.get("samples") or {}
    return [
        (one["prompt"], how, before, one["grafted"].get(how, ""))
        for one in samples.get("prompts") or ()
        for how, before in one["untouched"].items()
    ]


def sample_note(metrics: Mapping[str, Any]) -> str:
    """How they were made, in a sentence; empty where there are none."""
    if not sample_rows(metrics):
        return ""
    settings: dict[str, Any] = metrics["samples"]["settings"]
    drawn: dict[str, Any] = settings.get("sampled") or {}
    return (
        f"Each of at most {settings['maxNewTokens']} tokens of its own; sampled with seed "
        f"{settings['seed']}, temperature {drawn.get('temperature')} and top-p {drawn.get('topP')}"
    )


def sample_lines(metrics: Mapping[str, Any]) -> Iterator[str]:
    """The rows for a terminal, one line a text."""
    prompt = None
    for row in sample_rows(metrics):
        if row[0] != prompt:
            prompt = row[0]
            yield f"prompt: {_on_one_line(prompt)}"
        for title, text in zip(SAMPLES[2:], row[2:], strict=True):
            yield f"  {title}, {row[1]}: {_on_one_line(text)}"


def guess_lines(metrics: Mapping[str, Any]) -> Iterator[str]:
    """A line for each held-out sentence: its hidden word, and what was guessed before and after."""
    for one in metrics.get("sentences") or ():
        if not one.get("hidden"):
            continue
        text, (start, end) = str(one["text"]), one["hidden"]
        yield f"guess: {_on_one_line(f'{text[:start]}[{text[start:end]}]{text[end:]}')}"
        for title, key in zip(SAMPLES[2:], ("untouchedGuesses", "graftedGuesses"), strict=True):
            said = ", ".join(f"{word} {share:.0%}" for word, share in one.get(key) or ())
            yield f"  {title}: {_on_one_line(said)}"


def _on_one_line(text: str) -> str:
    """Without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
