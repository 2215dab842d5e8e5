"""The fingerprint of a source's objects, made while they are listed: none is kept in memory."""

import hashlib
from collections.abc import Iterable
from pathlib import PurePosixPath

from lingraft.stage import Source, canonical_json

# Compressed text is about a third of its size.
_COMPRESSED, _COMPRESSION = (".gz", ".zst", ".xz", ".bz2", ".parquet"), 3


class UnsortedError(Exception):
    """Objects came in another order than that of their keys."""


def pinned(uri: str, objects: Iterable[tuple[str, int, str]], reads: str | None) -> Source:
    """The source that has these objects, given as (key, bytes, tag) in the order of their keys.

    The fingerprint is the sha256 of the canonical JSON of [suffixes, objects]; suffixes are those
    of a single file, whose key is empty.

    Raises:
        UnsortedError: They are in another order.
    """
    name = PurePosixPath(uri)
    digest, before = hashlib.sha256(), ""
    count = size = text = 0
    for key, bytes_, tag in objects:
        if not count:
            digest.update(b"[" + canonical_json([] if key else name.suffixes[-2:]) + b",[")
        elif key < before:
            raise UnsortedError(key)
        digest.update(b"," * bool(count) + canonical_json([key, bytes_, tag]))
        compressed = (key or name.name).lower().endswith(_COMPRESSED)
        text += bytes_ * (_COMPRESSION if compressed else 1)
        count, size, before = count + 1, size + bytes_, key
    digest.update(b"]]" if count else b"[[],[]]")
    return Source(
        uri=uri,
        reads=reads,
        fingerprint=digest.hexdigest(),
        objects=count,
        bytes=size,
        text_bytes=text,
    )
