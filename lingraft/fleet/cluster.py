"""Rows of what `kubectl get la -A -o json` prints, whichever release wrote it.

Tenants write these resources: nothing in them is taken to be what it should be.
"""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, cast

from lingraft.errors import UserError
from lingraft.fleet.row import MOST_SCORES, Row, Score, clean
from lingraft.resource import KIND
from lingraft.resource.formats import LOSSES
from lingraft.status import LanguageAdaptationStatus
from lingraft.status.reading import read_status
from lingraft.status.results import Evaluation

MOST_BYTES = 512 << 20
"""Of JSON: a few thousand resources have a tenth of that."""
MOST_RESOURCES = 20_000
CURRENCY = 5
"""Letters of a currency: ISO 4217 has three."""


def read_rows(stream: BinaryIO, where: str) -> list[Row]:
    """A row for each resource of a JSON list, or of one resource.

    Args:
        stream: Bytes of JSON.
        where: Its name, for errors.

    Raises:
        UserError: It is too long, no JSON, or something else.
    """
    text = stream.read(MOST_BYTES + 1)
    if len(text) > MOST_BYTES:
        message = f"this is more than {MOST_BYTES >> 20} MiB: give one namespace after another"
        raise UserError(message, where=where)
    try:
        content: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"this is no JSON: {error}", where=where) from error
    found = _mapping(content)
    items: Any = [found] if found.get("kind") == KIND else found.get("items")
    if not isinstance(items, list):
        message = "this is no list of resources; write it with: kubectl get la -A -o json"
        raise UserError(message, where=where)
    listed = cast(list[Any], items)
    if len(listed) > MOST_RESOURCES:
        message = f"these are more than {MOST_RESOURCES:,} resources: give fewer at once"
        raise UserError(message, where=where)
    return [row_of(one) for one in map(_mapping, listed) if one.get("kind", KIND) == KIND]


def row_of(item: Mapping[str, Any]) -> Row:
    """What is known of one resource."""
    metadata, spec = _mapping(item.get("metadata")), _mapping(item.get("spec"))
    status = read_status(_mapping(item.get("status")))
    parts = [clean(metadata.get(key)) for key in ("namespace", "name")]
    heldout, compute, published = status.heldout, status.compute, status.published
    seconds = compute.device_seconds if compute else None
    spent = status.budget.spent if status.budget else None
    hours = spent.device_hours if spent else None if seconds is None else seconds / 3600
    return Row(
        name="/".join(filter(None, parts)),
        language=clean(spec.get("language")),
        phase=status.phase,
        progress=clean(status.progress),
        scores=tuple(_scores(status)),
        bits_before=_number(heldout.untouched) if heldout else None,
        bits_after=_number(heldout.bits_per_byte) if heldout else None,
        tokens_before=_number(heldout.tokens_per_word_untouched) if heldout else None,
        tokens_after=_number(heldout.tokens_per_word) if heldout else None,
        saved=_number(compute.saved_per_step) if compute else None,
        device_hours=_number(hours),
        cost=clean(
            " + ".join(f"{one.amount:,.2f} {one.currency[:CURRENCY]}" for one in spent.cost)
            if spent
            else ""
        ),
        published=clean(published.version) if published else "",
        published_since=published.since.isoformat() if published and published.since else "",
    )


def _scores(status: LanguageAdaptationStatus) -> Iterator[Score]:
    """Of each task the metric that has a gate, else its first."""
    chosen: dict[str, Evaluation] = {}
    for one in status.evaluation:
        held = chosen.setdefault(one.task, one)
        if held.gate is None and one.gate is not None:
            chosen[one.task] = one
    for one in [*chosen.values()][:MOST_SCORES]:
        floors = [
            floor for floor in map(_number, (one.untouched, one.majority)) if floor is not None
        ]
        best = min if one.metric in LOSSES else max
        if (value := _number(one.value)) is not None:
            yield Score(
                task=clean(one.task),
                metric=clean(one.metric),
                value=value,
                stderr=_number(one.stderr),
                floor=best(floors) if floors else None,
                gate=_number(one.gate),
                passed=one.passed,
            )


def _mapping(value: Any) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], value) if isinstance(value, dict) else {}


def _number(value: Any) -> float | None:
    """A number that is one; `1.98x` is 1.98."""
    try:
        found = float(str(value).rstrip("x"))
    except ValueError:
        return None
    return found if math.isfinite(found) else None
