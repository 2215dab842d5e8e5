"""A body of some GB adapted under a memory limit that cannot hold it: `make bench-large`.

Random weights in bf16, in four files. Its mini-model is put together and bridged, the embeddings
of another language are trained through that, the graft is scored and written whole, each in a
process of a control group of its own whose limit (files in memory counted) is below the base's
size. Takes root for the groups; without, what each process held is only measured.
"""

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.large import packed, sharded_llama
from tests.support.peak import peak_of

SIZES = {
    "vocabulary": 8_000,
    "hidden": 512,
    "intermediate": 16_384,
    "layers": 52,
    "heads": 8,
    "key_heads": 4,
}
"""1.4 billion numbers, 2.7 GB; narrow, for a bridge takes four tokens for each of its columns."""
OURS, LENGTH = 4_000, 256
LAYERS = {"method": "MiniPost", "layers": 4, "newLayers": 2, "newLayersFrom": "Top"}
RUN: dict[str, Any] = {
    "steps": 4,
    "batchTokens": 1024,
    "sequenceLength": LENGTH,
    "learningRate": 1e-3,
    "warmupSteps": 1,
    "weightDecay": 0.01,
    "dropout": 0.0,
    "seed": 0,
}
GROUPS = (Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup"))
LIMITS = ("memory.limit_in_bytes", "memory.max")
PEAKS = ("memory.max_usage_in_bytes", "memory.peak")


def _forget(folder: Path) -> None:
    """Have the system drop what it keeps of files: it is charged to whoever reads them next."""
    for file in folder.rglob("*"):
        if file.is_file():
            number = os.open(file, os.O_RDONLY)
            os.fsync(number)
            os.posix_fadvise(number, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(number)


@contextmanager
def limited(name: str, limit: int) -> Iterator[Path | None]:
    """A control group with a limit (version 1, then version 2); None where none can be made."""
    for root, file in zip(GROUPS, LIMITS, strict=True):
        group = root / f"lingraft-{os.getpid()}-{name}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            (group / file).write_text(str(limit))
        except OSError:
            group.rmdir()
            continue
        try:
            yield group
        finally:
            group.rmdir()
        return
    yield None


def charged(group: Path) -> int:
    """The most that a group was charged with, in bytes."""
    return next(int((group / file).read_text()) for file in PEAKS if (group / file).exists())


def main() -> None:
    """Make it, adapt it, say what it took."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--limit", type=float, default=1.5, help="GiB of each stage")
    limit = int(asked.parse_args().limit * 2**30)
    folder = Path(tempfile.mkdtemp(prefix="lingraft-large-"))
    try:
        _adapt(folder, limit)
    finally:
        shutil.rmtree(folder)


def _adapt(folder: Path, limit: int) -> None:
    base = sharded_llama(folder / "base", **SIZES)
    packed(folder / "source", "a", SIZES["vocabulary"], rows=10, length=LENGTH)
    packed(folder / "corpus", "b", OURS, rows=16, length=LENGTH)
    size = sum(file.stat().st_size for file in base.glob("*.safetensors"))
    print(f"the base: {size / 2**30:.2f} GiB; limit of each stage: {limit / 2**30:.2f} GiB")
    bridged = LAYERS | {"training": None, "bridge": {"tokens": 2_560}}
    step2 = {"method": "MiniPost", "init": "mean", "training": RUN}
    scored = {"language": "fr", "method": "MiniPost", "init": "mean", "seed": 0, "tasks": []}
    corpus = folder / "corpus"
    stages: list[tuple[str, dict[str, Any], dict[str, Path]]] = [
        ("mini", bridged, {"base": base, "corpus": folder / "source"}),
        ("embed", step2, {"model": folder / "mini" / "out", "base": base, "corpus": corpus}),
        ("graft", scored, {"base": base, "corpus": corpus, "embed": folder / "embed" / "out"}),
        ("export", {}, {"base": base, "graft": folder / "graft" / "out"}),
    ]
    for kind, params, inputs in stages:
        _forget(folder)
        began = time.perf_counter()
        with limited(kind, limit) as group:
            found = peak_of(kind, params, folder / kind, group, LENGTH, **inputs)
            most = "no group" if group is None else f"{charged(group) / 2**30:.2f} GiB charged"
        anonymous = found["peak"]["anonymous"]
        print(
            f"{kind:6} {anonymous / 2**30:.2f} GiB held beside files, {most}, "
            f"{time.perf_counter() - began:.0f} s"
        )
        assert anonymous < limit < size
    written = sum(one.stat().st_size for one in (folder / "export" / "out" / "model").iterdir())
    print(f"the grafted checkpoint: {written / 2**30:.2f} GiB")


if __name__ == "__main__":
    main()
