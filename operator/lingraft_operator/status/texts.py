"""Texts as the API server stores them, and how to cut them: pure."""

import json
import re
from typing import Any

MESSAGE_BYTES = 1000
"""Of what was said of one attempt."""
LONGER = {char: 5 for char in "<>&"} | {"\u2028": 3, "\u2029": 3, "\b": 4, "\f": 4}
"""Go's encoder writes these as \\uXXXX; bytes on top of what Python's takes."""


_GROWS = re.compile(r"[<>&\u2028\u2029]|\\[bf]")


def plain_bytes(text: str) -> int | None:
    """Bytes of JSON that is written alike by everybody; None where `json_bytes` has to count."""
    return len(text) if text.isascii() and not _GROWS.search(text) else None


def json_bytes(value: Any) -> int:
    """Bytes of a value as Go encodes it, which is how etcd gets it.

    Or half of those that our client sends, which escapes all that is not ASCII, if that is more:
    the API server reads 3 MiB, which is twice of what etcd keeps.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    longer = sum(more * text.count(char) for char, more in LONGER.items() if char not in "\b\f")
    longer += 4 * (text.count("\\b") + text.count("\\f"))
    sent = len(text) if text.isascii() else len(json.dumps(value, separators=(",", ":")))
    return max(len(text.encode("utf-8", "replace")) + longer, sent // 2)


def cut(text: str, most: int) -> str:
    """The text, or so much of it as fits into so many bytes of JSON, quotes left out."""
    if 6 * len(text) <= most or (len(text) <= most and json_bytes(text) - 2 <= most):
        return text
    low, high = 0, min(len(text), most)
    while low < high:  # the longest beginning that fits
        middle = (low + high + 1) // 2
        low, high = (middle, high) if json_bytes(text[:middle]) + 1 <= most else (low, middle - 1)
    return f"{text[:low]}…"


def cut_message(text: str, most: int) -> str:
    """The same of what was said of an end: of several lines the last ones, where errors stand."""
    *former, last = text.rstrip().split("\n")
    if not former or cut(text, most) == text:
        return cut(text, most)
    kept = cut(last, most - 5)
    for line in reversed(former):
        longer = f"{line}\n{kept}"
        if json_bytes(longer) + 1 > most - 4:
            break
        kept = longer
    return f"…\n{kept}"
