"""What `lingraft run` of a toy file costs: CPU seconds, what it prints, what it leaves running.

    python -m bench.toy

The base has 4 layers of width 64 and random weights; the text is 1,500 lines; one task. Hardly any
of it is work: what is measured is everything else.
"""

import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml


def main() -> None:
    """Print the figures as a table in Markdown."""
    with tempfile.TemporaryDirectory(prefix="lingraft-toy-") as name:
        folder = Path(name)
        file = write(folder)
        first, cached = measured(file, folder), measured(file, folder)
    print("| run | CPU s | wall s | lines of Ray's | left running |")
    print("|---|---|---|---|---|")
    for said, found in (("all stages", first), ("all cached", cached)):
        print(f"| {said} | {' | '.join(found)} |")


def write(folder: Path) -> Path:
    """The base, the texts and the resource."""
    from transformers import RobertaConfig, RobertaForMaskedLM

    from tests.support.bases import BASES, SWAHILI

    tokenizer = BASES["roberta"]()
    tokenizer.save_pretrained(folder / "base")
    config = RobertaConfig(
        vocab_size=len(tokenizer),
        num_hidden_layers=4,
        hidden_size=64,
        num_attention_heads=4,
        intermediate_size=128,
        max_position_embeddings=130,
        pad_token_id=1,
    )
    RobertaForMaskedLM(config).save_pretrained(folder / "base")
    chance = random.Random(0)
    lines = [" ".join(chance.choices(SWAHILI, k=12)) + f" {i}." for i in range(1_500)]
    (folder / "sw.txt").write_text("\n".join(lines))
    for part, some in (("train", lines[:64]), ("test", lines[64:128])):
        rows = [{"text": line, "label": str(len(line) % 2)} for line in some]
        (folder / f"{part}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    spec: dict[str, Any] = {
        "language": "sw",
        "method": "Standard",
        "base": {"uri": "base/"},
        "corpus": {"uri": "sw.txt"},
        "tokenizer": {"train": {"vocabSize": 200}},
        "embeddings": {"steps": 20, "batchTokens": 512, "sequenceLength": 64},
        "tasks": [
            {
                "name": "odd",
                "format": "classification",
                "train": "train.jsonl",
                "test": "test.jsonl",
                "seeds": 1,
                "epochs": 1,
                "maxLength": 32,
            }
        ],
        "store": {"uri": "store/"},
    }
    file = folder / "toy.yaml"
    head = {"apiVersion": "lingraft.dev/v1alpha1", "kind": "LanguageAdaptation"}
    file.write_text(yaml.safe_dump(head | {"metadata": {"name": "toy"}, "spec": spec}))
    return file


def measured(file: Path, folder: Path) -> tuple[str, ...]:
    """CPU seconds, wall-clock seconds, lines of Ray's, processes left."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    # By this mark whatever descends from the run is known, also when its parent is gone.
    mark = f"LINGRAFT_TOY={folder.name}"
    ran = subprocess.run(
        [sys.executable, "-m", "lingraft.cli", "run", "--plain", "-f", str(file)],
        env=os.environ | dict([mark.split("=")]) | {"LINGRAFT_CACHE": str(folder / "cache")},
        capture_output=True,
        text=True,
    )
    wall = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if ran.returncode:
        raise SystemExit(ran.stdout + ran.stderr)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    noise = [line for line in (ran.stdout + ran.stderr).splitlines() if "ray" in line.lower()]
    return f"{cpu:.1f}", f"{wall:.1f}", str(len(noise)), str(len(marked(mark)))


def marked(mark: str) -> list[int]:
    """Processes with this in their environment."""
    found: list[int] = []
    for one in Path("/proc").glob("[0-9]*/environ"):
        try:
            if mark.encode() in one.read_bytes().split(b"\0"):
                found.append(int(one.parent.name))
        except OSError:  # it ended meanwhile
            continue
    return found


if __name__ == "__main__":
    main()
