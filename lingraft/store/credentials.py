"""The AWS settings as they are now, and the wait for refused credentials to be renewed.

Keys expire and are rotated. Where they lie in files they are read anew when these change: AWS's
own files of profiles, and a mounted Secret, the folder in LINGRAFT_CREDENTIALS with one file for
each of the variables `KEYS`. What a process was started with stays as it is.
"""

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from lingraft.errors import CredentialsError

FOLDER = "LINGRAFT_CREDENTIALS"
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
FILES = {
    "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials",
    "AWS_CONFIG_FILE": "~/.aws/config",
}
Settings = tuple[tuple[str, str], ...]
Wait = Callable[[CredentialsError, float], None]
"""Given a refusal and the seconds since the first one: returns to try again, or raises it."""

_waits: list[Wait] = []
_taken: set[tuple[str, str]] = set()


def settings() -> Settings:
    """All that a client is made of: the same as long as it need not be made anew."""
    given = {k: v for k, v in os.environ.items() if k.startswith("AWS_")}
    if mounted := _mounted():
        given = {k: v for k, v in given.items() if k not in KEYS} | mounted
    for variable, usual in FILES.items():
        with suppress(OSError):
            changed = Path(given.get(variable, usual)).expanduser().stat().st_mtime_ns
            given[f"{variable} changed"] = str(changed)
    return tuple(sorted(given.items()))


def _mounted() -> dict[str, str]:
    """The keys of the mounted Secret; none where there is no such Secret."""
    folder = Path(os.environ.get(FOLDER, ""))
    if FOLDER not in os.environ:
        return {}
    while True:
        # The kubelet swaps all files of a Secret at once, by this link.
        home = (folder / "..data").resolve() if (folder / "..data").exists() else folder
        try:
            found = {key: home / key for key in KEYS if (home / key).exists()}
            return {key: path.read_text().strip("\r\n") for key, path in found.items()}
        except FileNotFoundError:  # swapped this moment
            continue


def renewable() -> bool:
    """Whether other credentials may come while this process runs."""
    return bool(_mounted()) or KEYS[0] not in os.environ


@contextmanager
def patient(wait: Wait) -> Generator[None]:
    """Meanwhile, calls that a store took before and refuses now are made again after `wait`."""
    _waits.append(wait)
    try:
        yield
    finally:
        _waits.remove(wait)


def accepted(bucket: str, call: str) -> None:
    """Remember that a bucket took these credentials for such a call."""
    _taken.add((bucket, call))


def refused(error: CredentialsError, bucket: str, call: str, seconds: float) -> None:
    """Return when it is time to try again.

    Args:
        error: What the store said.
        bucket: Whose it is.
        call: Such as `get`.
        seconds: Since it was refused first.

    Raises:
        CredentialsError: The same: nobody waits, or such a call was never taken.
    """
    if not _waits or (bucket, call) not in _taken:
        raise error
    _waits[-1](error, seconds)
