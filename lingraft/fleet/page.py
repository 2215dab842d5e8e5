"""A fleet as one self-contained page: rows that are sorted and filtered where they are read."""

from collections import Counter
from collections.abc import Sequence
from html import escape

from lingraft.fleet.row import Row, Score
from lingraft.fleet.script import SCRIPT, STYLE
from lingraft.fleet.table import change
from lingraft.report.html import document

PHASES = {
    "Ready": "good",
    "Running": "accent",
    "Pending": "quiet",
    "Suspended": "mixed",
    "Stalled": "bad",
}
"""Their colours."""
COLUMNS = (
    *("language", "name", "phase", "quality", "bits per byte", "tokens per word"),
    *("compute saved", "device-hours", "cost", "published"),
)


def render(rows: Sequence[Row]) -> str:
    """The page.

    Args:
        rows: In the order in which they are first shown.
    """
    counts = Counter(row.phase for row in rows)
    cards = "".join(
        f"<div class='card' style='--tone:var(--{colour})'>{phase}<b>{counts[phase]:,}</b></div>"
        for phase, colour in PHASES.items()
        if counts[phase]
    )
    heads = "".join(
        f"<th><button type='button' data-column='{i}'>{title}</button></th>"
        for i, title in enumerate(COLUMNS)
    )
    body = "".join(map(_row, rows))
    return document(
        "Languages",
        f"<h1>{_plural(len({row.language for row in rows}), 'language')}, "
        f"{_plural(len(rows), 'adaptation')}</h1><div class='cards phases'>{cards}</div>"
        f"<p class='filters'>{_filters(rows)}</p>"
        f"<table id='fleet'><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
        "<p class='quiet'>Quality is zero-shot, a task a line: its score with its standard error, "
        "its floor (the model that never saw the language, or the most frequent label), and its "
        "gate. Bits per byte and tokens per word: of the untouched base, then of what came out; "
        "less is better. Compute saved is of a step beside Standard's, computed from FLOPs.</p>",
        style=STYLE,
        script=SCRIPT,
    )


def _plural(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _filters(rows: Sequence[Row]) -> str:
    phases = sorted({row.phase for row in rows})
    tasks = sorted({score.task for row in rows for score in row.scores})
    return (
        "<input id='words' type='search' placeholder='language, name, task …' "
        "aria-label='Show rows with these words'>"
        f"{_choice('phase', 'every phase', phases)}{_choice('task', 'every task', tasks)}"
        "<label><input id='failed' type='checkbox'> a gate failed</label> "
        "<output id='count'></output>"
    )


def _choice(name: str, every: str, values: Sequence[str]) -> str:
    options = "".join(f"<option>{escape(value)}</option>" for value in values)
    return (
        f"<select id='{name}' aria-label='{name}'><option value=''>{every}</option>{options}"
        "</select>"
    )


def _row(row: Row) -> str:
    scores = "".join(map(_score, row.scores))
    failed = any(score.passed is False for score in row.scores)
    best = max((score.value for score in row.scores), default=None)
    colour = PHASES.get(row.phase, "quiet")
    since = f"<br><span class='quiet phase'>{escape(row.published_since[:10])}</span>"
    cells = (
        ("", escape(row.language)),
        ("", f"<span class='name'>{escape(row.name)}</span>"),
        (
            "",
            f"<span class='phase' style='color:var(--{colour})'>{escape(row.phase)}</span>"
            f"<br><span class='quiet'>{escape(row.progress)}</span>",
        ),
        (_value(best), scores or "-"),
        (_value(row.bits_after), _change(row.bits_before, row.bits_after, 3)),
        (_value(row.tokens_after), _change(row.tokens_before, row.tokens_after, 2)),
        (_value(row.saved), "-" if row.saved is None else f"{row.saved:.2f} times"),
        (_value(row.device_hours), "-" if row.device_hours is None else f"{row.device_hours:,.2f}"),
        ("", escape(row.cost) or "-"),
        ("", f"<code>{escape(row.published)}</code>{since}" if row.published else "-"),
    )
    tasks = "\n".join(score.task for score in row.scores)
    return (
        f"<tr data-phase='{escape(row.phase, quote=True)}' data-tasks='{escape(tasks, quote=True)}'"
        f"{' data-failed' if failed else ''}>"
        + "".join(
            f"<td data-title='{title}' data-value='{value}'>{shown}</td>"
            for title, (value, shown) in zip(COLUMNS, cells, strict=True)
        )
        + "</tr>"
    )


def _value(number: float | None) -> str:
    """What a column of numbers is sorted by; a column of words is by its text."""
    return "none" if number is None else repr(number)


def _change(before: float | None, after: float | None, digits: int) -> str:
    worse = before is not None and after is not None and after >= before
    shown = escape(change(before, after, digits)).replace("&gt;", "→") or "-"
    return f"<span class='bad'>{shown}</span>" if worse else shown


def _score(score: Score) -> str:
    tone = "quiet" if score.passed is None else "good" if score.passed else "bad"
    gate = {None: "", True: " ✓", False: " ✗"}[score.passed]
    rest = score.line.removeprefix(f"{score.task} ")
    value, _, beside = rest.partition(" (")
    small = f" <span class='quiet'>({escape(beside)}</span>" if beside else ""
    return (
        f"<div title='{escape(score.metric, quote=True)}'>{escape(score.task)} "
        f"<b class='{tone}'>{escape(value)}{gate}</b>{small}</div>"
    )
