"""What the resources of `bench/fleet.py` say, and what lies where they say it."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lingraft.store import open_store

CONFIG = {
    "model_type": "roberta",
    "architectures": ["RobertaForMaskedLM"],
    "num_hidden_layers": 12,
    "hidden_size": 768,
    "intermediate_size": 3072,
    "vocab_size": 50_265,
    "max_position_embeddings": 514,
    "pad_token_id": 1,
}


def name_of(number: int) -> str:
    """Of a resource and its corpus."""
    return f"language-{number:05}"


def spec_of(root: str, name: str, *, mini: bool) -> dict[str, Any]:
    """A spec with a corpus of its own; with `mini` also with what all of a namespace share.

    Args:
        root: URI below which everything lies.
        name: Of the resource.
        mini: Whether it has a mini-model and a task.
    """
    spec: dict[str, Any] = {
        "language": "sw",
        "base": {"uri": f"{root}base/"},
        "method": "Standard",
        "corpus": {"uri": f"{root}corpora/{name}.txt"},
        "embeddings": {"steps": 1000},  # its text is a line
        "store": {"uri": f"{root}store/", "credentialsSecret": "s3-credentials"},
    }
    if mini:
        task = {"name": "topic", "format": "classification", "seeds": 1}
        task |= {"train": f"{root}tasks/train.jsonl", "test": f"{root}tasks/test.jsonl"}
        shared = {"layers": 6, "newLayers": 2, "text": {"uri": f"{root}tasks/en.txt"}}
        spec |= {"method": "MiniPost", "mini": shared | {"steps": 1000}, "tasks": [task]}
    return spec


def upload(root: str, count: int) -> None:
    """Put a base, tasks and a corpus for each resource there: what a plan looks at, no more."""
    store = open_store(root)
    store.put("base/config.json", json.dumps(CONFIG).encode())
    store.put("base/model.safetensors", b"weights")
    store.put("base/tokenizer.json", b"{}")
    store.put("tasks/en.txt", b"some text")
    for name in ("train.jsonl", "test.jsonl"):
        rows = [json.dumps({"text": name, "label": label}) for label in ("law", "poetry")]
        store.put(f"tasks/{name}", "\n".join(rows).encode())
    with ThreadPoolExecutor(4) as pool:
        names = map(name_of, range(count))
        list(pool.map(lambda name: store.put(f"corpora/{name}.txt", name.encode() * 99), names))
