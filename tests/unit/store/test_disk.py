"""Errors of the disk become sentences; parallel work stops at the first error."""

import errno
import os
import threading
from pathlib import Path

import pytest

from lingraft.errors import ResourceError, UserError
from lingraft.store.disk import disk_errors, in_parallel


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, ResourceError),
        (errno.EDQUOT, ResourceError),
        (errno.EACCES, UserError),
        (errno.EROFS, UserError),
        (errno.ENOTDIR, UserError),
        (errno.EIO, OSError),
    ],
)
def test_what_the_system_says(number: int, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught, disk_errors(Path("/data/x")):
        raise OSError(number, os.strerror(number))
    if kind is not OSError:
        assert str(caught.value).startswith("/data/x: ")


def test_the_first_error_stops_what_has_not_started() -> None:
    started: list[int] = []
    lock = threading.Lock()

    def work(number: int) -> int:
        with lock:
            started.append(number)
        if number == 0:
            raise ValueError("the first")
        return number

    with pytest.raises(ValueError, match="the first"):
        in_parallel(work, range(10000), threads=1)
    assert len(started) < 10000
    assert in_parallel(lambda n: n * n, range(5)) == [0, 1, 4, 9, 16]
