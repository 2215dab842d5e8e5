"""A 500 MB checkpoint from S3 to a model that is ready to train, against the limit of the link.

    python -m bench.trainer.fetch            (make bench-fetch)

The server is SeaweedFS on loopback. Taken in every round beside it: the link's limit, which is
the same bytes by boto3 in parallel ranges, thrown away; and their digest alone. The server's
work counts too, on one machine: compare ratios, not rates.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import boto3

from bench.trainer.results import begin
from lingraft.sources import fetch_source, fingerprint
from lingraft.store import open_store
from lingraft.store.disk import hash_file
from tests.integration import seaweed

ROUNDS = 3
STREAMS = 4
URI = f"s3://{seaweed.BUCKET}/"
WEIGHTS = "model.safetensors"


def write_base(folder: Path) -> int:
    """A RoBERTa of the base size with random weights; the bytes of its weights."""
    from transformers import RobertaConfig, RobertaForMaskedLM

    config = RobertaConfig(vocab_size=50265, max_position_embeddings=514, type_vocab_size=1)
    RobertaForMaskedLM(config).save_pretrained(folder)
    return (folder / WEIGHTS).stat().st_size


def take_and_drop(size: int) -> None:
    """The weights in parallel ranges, thrown away."""
    client: Any = boto3.client("s3")
    part = -(-size // STREAMS)

    def take(start: int) -> int:
        span = f"bytes={start}-{min(size, start + part) - 1}"
        found = client.get_object(Bucket=seaweed.BUCKET, Key=f"base/{WEIGHTS}", Range=span)
        return sum(len(chunk) for chunk in found["Body"].iter_chunks(1 << 20))

    with ThreadPoolExecutor(STREAMS) as pool:
        if sum(pool.map(take, range(0, size, part))) != size:
            raise SystemExit("the link gave other bytes than were there")


def measure(size: int, cache: Path) -> dict[str, float]:
    """Seconds of one round, by what was done."""
    from lingraft_trainer.models.checkpoint import load_lm

    seconds: dict[str, float] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        found = work()
        seconds[name] = time.perf_counter() - began
        return found

    source = fingerprint(f"{URI}base/")
    timed("the link: taken and dropped", lambda: take_and_drop(size))
    folder = timed("download, hashed", lambda: fetch_source(source, cache))
    timed("load", lambda: load_lm(folder))
    timed("from the cache, hashed", lambda: fetch_source(source, cache))
    timed("the digest alone", lambda: hash_file(folder / WEIGHTS))
    seconds["S3 to ready to train"] = seconds["download, hashed"] + seconds["load"]
    return seconds


def main() -> None:
    """Print medians of seconds and rates, and the ratio to the link."""
    process, server = seaweed.start()
    os.environ.update(server.environment)
    found: list[dict[str, float]] = []
    try:
        with tempfile.TemporaryDirectory() as name:
            base, cache = Path(name, "base"), Path(name, "cache")
            size = write_base(base)
            began = time.perf_counter()
            open_store(URI).upload(base, "base/")
            upload = time.perf_counter() - began
            for _ in range(ROUNDS):
                found.append(measure(size, cache))
                shutil.rmtree(cache)
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(server.data, ignore_errors=True)
    link = [one["the link: taken and dropped"] for one in found]
    print(f"{size / 1e6:.0f} MB, medians of {ROUNDS} rounds")
    for part in found[0]:
        seconds = median(one[part] for one in found)
        ratio = median(one[part] / limit for one, limit in zip(found, link, strict=True))
        print(f"{part:<30} {seconds:>6.2f} s {size / seconds / 1e6:>6.0f} MB/s {ratio:>6.2f}")
    print(f"{'upload, hashed (once)':<30} {upload:>6.2f} s {size / upload / 1e6:>6.0f} MB/s")
    begin("fetch")({"bytes": size, "upload": upload, "rounds": found})


if __name__ == "__main__":
    main()
