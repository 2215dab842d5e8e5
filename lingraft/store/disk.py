"""What every part that touches the local disk shares: hashes, locks, threads, clear errors."""

import errno
import fcntl
import hashlib
import os
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from pathlib import Path
from typing import IO, TypeVar

from lingraft.errors import CorruptArtifactError, DiskFullError, UserError
from lingraft.stage import FileRecord

CHUNK = 1 << 20
THREADS = 8
T = TypeVar("T")
R = TypeVar("R")


def in_order(work: Callable[[T], R], items: Iterable[T], threads: int) -> Generator[R]:
    """`work(i)` for each item on threads, in the order of the items, each as soon as it is there.

    The first error stops what has not started.
    """
    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(copy_context().run, work, item) for item in items]
        try:
            for future in futures:
                yield future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def in_parallel(work: Callable[[T], R], items: Iterable[T], threads: int = THREADS) -> list[R]:
    """`[work(i) for i in items]` on threads; the first error stops what has not started."""
    return list(in_order(work, items, threads))


@contextmanager
def disk_errors(path: Path) -> Generator[None]:
    """Turn what the operating system says about `path` into one sentence for the user.

    Raises:
        DiskFullError: The disk, or the quota on it, is full.
        UserError: The path may not be used, or is not what it should be.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            message = "the disk is full; free some space, or use another disk, and run again"
            raise DiskFullError(message, where=str(path)) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            message = f"{error.strerror}; give this user the right to it, or use another folder"
            raise UserError(message, where=str(error.filename or path)) from error
        if error.errno in (errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP):
            message = f"{error.strerror}; use another path"
            raise UserError(message, where=str(error.filename or path)) from error
        raise


@contextmanager
def locked(lock: Path) -> Generator[None]:
    """Hold an exclusive lock between processes and threads; the system drops a dead owner's."""
    # Read-only suffices for flock, and lets users of one group share a lock file.
    descriptor = os.open(lock, os.O_RDONLY | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def copy_hashed(source: IO[bytes], target: IO[bytes] | None = None) -> tuple[int, str]:
    """Read `source` to its end, writing it to `target` if given; (bytes, hex sha256)."""
    digest, size = hashlib.sha256(), 0
    while chunk := source.read(CHUNK):
        digest.update(chunk)
        size += len(chunk)
        if target is not None:
            target.write(chunk)
    return size, digest.hexdigest()


def hash_file(path: Path) -> tuple[int, str]:
    """(bytes, hex sha256) of a file."""
    with path.open("rb") as stream:
        return copy_hashed(stream)


def check_file(path: Path, record: FileRecord, where: str, remedy: str) -> None:
    """Compare a file with its record.

    Raises:
        CorruptArtifactError: Missing, or its bytes differ; says `where`, and the `remedy`.
    """
    try:
        found = hash_file(path)
    except FileNotFoundError:
        raise CorruptArtifactError(f"this file is missing; {remedy}", where=where) from None
    check_found(found, record, where, remedy)


def check_found(found: tuple[int, str], record: FileRecord, where: str, remedy: str) -> None:
    """Compare a file's (bytes, hex sha256) with its record.

    Raises:
        CorruptArtifactError: They differ; says `where`, and the `remedy`.
    """
    size, sha256 = found
    if found != (record.size, record.sha256):
        raise CorruptArtifactError(
            f"this file is damaged: {size} bytes with sha256 {sha256[:12]}..., recorded were "
            f"{record.size} with {record.sha256[:12]}...; {remedy}",
            where=where,
        )


def is_intact(root: Path, records: Sequence[FileRecord]) -> bool:
    """Whether every recorded file lies unchanged under `root`."""

    def check(record: FileRecord) -> None:
        check_file(root / record.path, record, record.path, "")

    try:
        in_parallel(check, records)
    except CorruptArtifactError:
        return False
    return True
