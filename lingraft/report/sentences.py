"""Sentences before and after: how they are cut, and what stands in place of a hidden word."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from lingraft.report.html import texts
from lingraft.report.samples import SAMPLES, sample_note, sample_rows

Entry = Mapping[str, Any]


def cut_sentences(metrics: Mapping[str, Any]) -> str:
    """Held-out sentences as the base's tokenizer cuts them, and as the new one does."""
    parts: list[str] = []
    for one in _entries(metrics):
        for who, key in (("before", "untouchedPieces"), ("after", "graftedPieces")):
            pieces: Sequence[str] = one.get(key) or ()
            shown = "".join(f"<i>{escape(piece) or '·'}</i>" for piece in pieces)
            parts.append(
                f"<p class='pieces'><span class='quiet'>{who}, {len(pieces)} pieces</span><br>"
                f"{shown}</p>"
            )
    if not parts:
        return ""
    return (
        "<p class='quiet'>Held-out sentences, a colour a piece. Fewer pieces a word are read "
        f"faster and learned more easily.</p>{''.join(parts)}"
    )


def guessed_words(metrics: Mapping[str, Any]) -> str:
    """What a masked model puts in place of a hidden word, before and after."""
    rows = [one for one in _entries(metrics) if one.get("hidden")]
    if not rows:
        return ""
    return (
        "<p class='quiet'>One word is hidden, marked here, and the model guesses it. These are "
        "for a look; no score is made of them.</p>"
    ) + texts(
        ("sentence", "the untouched base guesses", "the new model guesses"),
        (
            (_with_gap(one), _guesses(one, "untouchedGuesses"), _guesses(one, "graftedGuesses"))
            for one in rows
        ),
    )


def _with_gap(one: Entry) -> str:
    text, (start, end) = str(one["text"]), one["hidden"]
    before, hidden, after = text[:start], text[start:end], text[end:]
    return f"{escape(before)}<mark>{escape(hidden)}</mark>{escape(after)}"


def _guesses(one: Entry, key: str) -> str:
    hidden = str(one["text"])[slice(*one["hidden"])]
    said: list[str] = []
    for word, share in one.get(key) or ():
        right = " class='good'" if word.lower() == hidden.lower() else ""
        said.append(f"<span{right}>{escape(word)}</span> {share:.0%}")
    return "<br>".join(said) or "-"


def written(metrics: Mapping[str, Any]) -> str:
    """How a causal model goes on, before and after."""
    note = sample_note(metrics)
    if not note:
        return ""
    rows = (tuple(map(escape, row)) for row in sample_rows(metrics))
    return f"{texts(SAMPLES, rows)}<p class='quiet'>{escape(note)}.</p>"


def confusions(evaluation: Sequence[Entry]) -> Iterator[str]:
    """Right labels by the labels given, a share of each row, for tasks that have some."""
    for entry in evaluation:
        labels: Entry = entry.get("labels") or {}
        met: Mapping[str, Mapping[str, float]] = labels.get("confusion") or {}
        if not met:
            continue
        head = "".join(f"<th class='number'>{escape(name)}</th>" for name in met)
        lines = "".join(_confusion_row(name, met[name], list(met)) for name in met)
        yield (
            f"<h3>{escape(str(entry['task']))}: which label gets which</h3>"
            "<p class='quiet'>A row is a right label, a column what was given; shares of the row, "
            "means over the seeds.</p><div class='wide'><table><thead><tr><th></th>"
            f"{head}<th class='number'>examples</th></tr></thead><tbody>{lines}</tbody></table>"
            "</div>"
        )


def _confusion_row(right: str, given: Mapping[str, float], names: Sequence[str]) -> str:
    total = sum(given.values())
    cells: list[str] = []
    for name in names:
        share = given.get(name, 0.0) / total if total else 0.0
        colour = "--good" if name == right else "--bad"
        tint = f"color-mix(in srgb,var({colour}) {60 * share:.0f}%,transparent)"
        shown = f"{share:.0%}" if share else ""
        cells.append(f"<td class='number' style='background:{tint}'>{shown}</td>")
    return f"<tr><th>{escape(right)}</th>{''.join(cells)}<td class='number'>{total:g}</td></tr>"


def _entries(metrics: Mapping[str, Any]) -> Sequence[Entry]:
    return metrics.get("sentences") or ()
