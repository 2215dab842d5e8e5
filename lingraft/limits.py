"""How much is read of what others wrote to a bucket: docs/operator.md, Limits.

Whoever may write there decides what lies there, and an operator reads for many of them.
"""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from lingraft.errors import TooLargeError

T = TypeVar("T")

OBJECT_BYTES = 4 << 20
"""Of an object that is read whole: manifest.json, config.json ..."""
NOTE_BYTES = 64 << 10
"""Of one of the many: progress.json, failure.json, lease.json, checkpoint.json."""
HEADER_BYTES = 32 << 20
"""Of a GGUF file: its settings and its vocabulary."""
LISTED = 50_000
"""Objects below a prefix where all their names must be known at once."""
CHECKPOINTS = 1_000
"""Of one stage, all holders' together."""
TEXT_OBJECTS = 1_000_000
"""Objects below a prefix of text."""


def too_large(found: str, most: str, where: str) -> TooLargeError:
    """What is said of it, such as `this object has 300 MB`, `at most 4 MiB are read`."""
    return TooLargeError(f"{found}; {most} (docs/operator.md, Limits)", where=where)


def at_most(count: int, found: Iterable[T], where: str) -> Iterator[T]:
    """The same, of no more than `count` objects.

    Raises:
        TooLargeError: There are more.
    """
    for number, one in enumerate(found):
        if number == count:
            raise too_large(
                f"there are more than {count:,} objects",
                "no more are listed: give a folder with fewer",
                where,
            )
        yield one
