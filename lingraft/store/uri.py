"""Where things are: `file:///absolute/dir` and `s3://bucket/prefix/`, and nothing else."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes

from lingraft.errors import UserError

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
LONGEST_KEY = 1024
"""Bytes."""


@dataclass(frozen=True)
class S3Location:
    """A bucket and a key (or a prefix of keys) in it, as written: S3 URIs have no escapes."""

    bucket: str
    key: str


def parse_uri(uri: str) -> Path | S3Location:
    """The place a URI names.

    Raises:
        UserError: Neither `file:///absolute/path` nor `s3://bucket/key`.
    """
    scheme, _, rest = uri.partition("://")
    if scheme == "file" and rest.startswith("/"):
        return _path_of(unquote_to_bytes(rest.encode(errors="surrogateescape")))
    bucket, _, key = rest.partition("/")
    if scheme == "s3" and _BUCKET.fullmatch(bucket) and ".." not in key.split("/"):
        _check_key(key, uri)
        return S3Location(bucket, key)
    # What stands before an @ may be a password: the message must not repeat it.
    shown = re.sub(r"//[^/]*@", "//***@", uri)
    raise UserError(
        "this is no address lingraft can read; write file:///absolute/path or s3://bucket/prefix/, "
        "or, for a base or a tokenizer, hf://org/name",
        where=shown,
    )


def _check_key(key: str, uri: str) -> None:
    """Refuse keys under which nothing can lie, or that are no more than a slip.

    Raises:
        UserError: What is wrong with it.
    """
    length = len(key.encode(errors="replace"))
    if length > LONGEST_KEY:
        message = (
            f"this key has {length:,} bytes, and S3 takes {LONGEST_KEY:,}: write a shorter one"
        )
        raise UserError(message, where=f"{ascii(uri)[1:80]}...")
    if _CONTROL.search(key):
        message = "this key has a line break or another control character: leave it out"
        raise UserError(message, where=ascii(uri)[1:-1])


def _path_of(name: bytes) -> Path:
    """A path that every library opens: those in Rust take its characters for UTF-8.

    Raises:
        UserError: Its name is not UTF-8, or the locale is not.
    """
    where = ascii(path := os.fsdecode(name))[1:-1]
    try:
        text = name.decode()
    except UnicodeDecodeError as error:
        raise UserError("this name is not UTF-8: rename it", where=where) from error
    if path != text:
        message = "this name is UTF-8 and the locale is not: set PYTHONUTF8=1"
        raise UserError(message, where=where)
    return Path(path)
