"""What an audit log says of a fleet: calls by verb and kind, and how soon the operator acted."""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

Object = dict[str, Any]


class Requests:
    """The audit log of one run.

    Attributes:
        calls: Of the operator, by `verb kind`; watches count once each.
        lags: Seconds from the end of a RayJob to the operator's next write about its resource.
        codes: The operator's calls by the answer's status.
    """

    def __init__(self, audit: Iterable[Object], operator: str, owners: dict[str, str]) -> None:
        """Read the log.

        Args:
            audit: Its lines.
            operator: The operator's user.
            owners: Name of a RayJob to the name of the resource that launched it.
        """
        self.calls: Counter[str] = Counter()
        self.codes: Counter[int] = Counter()
        ended: dict[str, float] = {}
        writes: defaultdict[str, list[float]] = defaultdict(list)
        for line in audit:
            about: Object = line.get("objectRef") or {}
            kind = str(about.get("resource", ""))
            name = str(about.get("name", ""))
            if about.get("subresource"):
                kind += "/" + about["subresource"]
            if line["user"]["username"] != operator:
                if kind == "rayjobs/status":  # the last one is the end
                    ended[name] = _seconds(line["stageTimestamp"])
                continue
            self.calls[f"{line['verb']} {kind or 'discovery'}"] += 1
            self.codes[line["responseStatus"]["code"]] += 1
            if line["verb"] in ("create", "patch") and kind != "events":
                writes[owners.get(name, name)].append(_seconds(line["requestReceivedTimestamp"]))
        self.lags = sorted(
            times[place] - end
            for rayjob, end in ended.items()
            if (times := sorted(writes.get(owners.get(rayjob, ""), ())))
            and (place := bisect_right(times, end)) < len(times)
        )


def quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which that share of sorted values lies; NaN of none."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
