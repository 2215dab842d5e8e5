"""Packs on one body against as many whole models: on disk, in memory, in time: `make bench-serve`.

A random base of RoBERTa-base's sizes and packs of 32,000 rows. Each measurement is a process
of its own that does what a replica of examples/serve does, without HTTP: it loads, and answers
requests of random languages one by one, and in mixed batches of 16, those of one language together.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import transformers

import lingraft
from lingraft_trainer.packs.load import Loaded, write_full
from tests.support.packs import write_language
from tests.support.tiny import tiny_tokenizer

SIZES: dict[str, Any] = {"vocab_size": 50_265, "max_position_embeddings": 514, "type_vocab_size": 1}
ROWS, COUNTS = 32_000, (1, 5, 20)
REQUESTS, BATCH, BATCHES, WORDS = 40, 16, 6, 24
MIB = 1 << 20


def make(folder: Path, count: int) -> None:
    """Write the base, so many packs, and one whole model."""
    torch.manual_seed(0)
    config = transformers.RobertaConfig(**SIZES)
    transformers.RobertaForMaskedLM(config).save_pretrained(folder / "base")
    words = [f"w{n}" for n in range(ROWS - 5)]
    tiny_tokenizer("roberta", words).save_pretrained(folder / "base")
    for n in range(count):
        write_language(folder / "base", folder / f"pack-{n}", f"x-l{n}", words)
    write_full(folder / "base", folder / "pack-0", folder / "whole")


def size(folder: Path) -> int:
    """Bytes of its files."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def resident() -> int:
    """Bytes that this process holds in memory."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split("VmRSS:")[1].split()[0])


def packs(folder: Path, count: int) -> Callable[[list[str], list[int]], None]:
    """Answers texts of languages by packs on one body."""
    languages = lingraft.Languages(folder / "base", [folder / f"pack-{n}" for n in range(count)])

    def answer(texts: list[str], of: list[int]) -> None:
        languages.map(read, texts, [f"x-l{n}" for n in of])

    return answer


def whole(folder: Path, count: int) -> Callable[[list[str], list[int]], None]:
    """Answers texts of languages by a whole model each; all are read from one folder."""
    auto: Any = transformers.AutoModelForMaskedLM
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder / "pack-0")
    models = [Loaded(auto.from_pretrained(folder / "whole"), tokenizer) for _ in range(count)]

    def answer(texts: list[str], of: list[int]) -> None:
        for n in sorted(set(of)):
            read(models[n], [text for text, own in zip(texts, of, strict=True) if own == n])

    return answer


@torch.inference_mode()
def read(loaded: Loaded, texts: list[str]) -> list[int]:
    """The best token at the mask of each text."""
    model: Any = loaded.model
    batch = loaded.tokenizer(texts, return_tensors="pt", padding=True)
    states = model.roberta(**batch).last_hidden_state
    at = batch["input_ids"] == loaded.tokenizer.mask_token_id
    return model.lm_head(states[at]).argmax(-1).tolist()


def measure(folder: Path, what: str, count: int) -> dict[str, float]:
    """Bytes in memory once every language was asked, and the seconds that loading took."""
    before = resident()
    started = time.perf_counter()
    answer = {"packs": packs, "whole": whole}[what](folder, count)
    loading = time.perf_counter() - started
    for n in range(count):
        answer([text(n)], [n])
    return {"memory": resident() - before, "loading": loading}


def text(number: int) -> str:
    """A request with one mask."""
    draw = random.Random(number)
    return " ".join(["<mask>", *(f"w{draw.randrange(ROWS - 5)}" for _ in range(WORDS))])


def in_turns(folder: Path, count: int) -> dict[str, float]:
    """Milliseconds of requests and of mixed batches, by packs and whole models in turns.

    Both are in one process and each request is answered by both, one after the other: what else
    the machine does meets them alike. So the ratio is the median of each request's own.
    """
    ways = {"packs": packs(folder, count), "whole": whole(folder, count)}
    draw, took = (
        random.Random(0),
        {(way, size): list[float]() for way in ways for size in (1, BATCH)},
    )
    for number in range(REQUESTS + BATCHES):
        size = 1 if number < REQUESTS else BATCH
        texts = [text(number + n) for n in range(size)]
        languages = [draw.randrange(count) for _ in range(size)]
        for way in sorted(ways, reverse=bool(number % 2)):
            started = time.perf_counter()
            ways[way](texts, languages)
            took[way, size].append(1000 * (time.perf_counter() - started))
    found: dict[str, float] = {}
    for size in (1, BATCH):
        pairs = zip(took["packs", size], took["whole", size], strict=True)
        found |= {f"{way} {size}": statistics.median(took[way, size]) for way in ways}
        found[f"ratio {size}"] = statistics.median(one / other for one, other in pairs)
    return found


def main() -> None:
    """Write a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--row", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.row is not None:
        name, what, count = asked.row
        folder = Path(name)
        found = (
            in_turns(folder, int(count)) if what == "turns" else measure(folder, what, int(count))
        )
        print(json.dumps(found))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make(folder, max(COUNTS))
        for title in ("base", "pack-0", "whole"):
            print(f"{title}: {size(folder / title) / 1e6:.1f} MB on disk")
        print("| languages | by | in memory, MiB | loading, s |\n|---|---|---|---|")
        for count in COUNTS:
            for what in ("packs", "whole"):
                one = apart(name, what, count)
                memory, loading = one["memory"] / MIB, one["loading"]
                print(f"| {count} | {what} | {memory:,.0f} | {loading:.1f} |", flush=True)
        print("| languages | at a time | packs, ms | whole, ms | ratio |\n|---|---|---|---|---|")
        for count in COUNTS:
            took = apart(name, "turns", count)
            for together in (1, BATCH):
                by_packs, by_whole = took[f"packs {together}"], took[f"whole {together}"]
                ratio = f"{took[f'ratio {together}']:.2f}"
                print(
                    f"| {count} | {together} | {by_packs:.0f} | {by_whole:.0f} | {ratio} |",
                    flush=True,
                )


def apart(folder: str, what: str, count: int) -> dict[str, float]:
    """One measurement in a process of its own."""
    command = [sys.executable, "-m", "bench.serve", "--row", folder, what, str(count)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


if __name__ == "__main__":
    main()
