"""A whole small world: two languages of one grammar, a task, parallel text, a resource."""

import json
import random
from pathlib import Path
from typing import Any, Self

from lingraft.resource import LanguageAdaptation
from lingraft.stage import Manifest, Progress

# Sentence parts as (English, French); the noun tells the topic.
NOUNS = {
    "sea": [("boat", "bateau"), ("wave", "vague"), ("fish", "poisson"), ("sailor", "marin")],
    "farm": [("cow", "vache"), ("field", "champ"), ("barn", "grange"), ("farmer", "paysan")],
}
VERBS = [("sees", "voit"), ("likes", "aime"), ("finds", "trouve"), ("follows", "suit")]
ADJECTIVES = [("old", "vieux"), ("small", "petit"), ("quiet", "calme"), ("good", "bon")]
TIMES = [("today", "aujourd'hui"), ("at night", "la nuit"), ("every day", "chaque jour")]


def sentences(count: int, seed: int) -> list[tuple[str, str, str]]:
    """(topic, English, French) of `count` sentences."""
    chance = random.Random(seed)
    found: list[tuple[str, str, str]] = []
    for number in range(count):
        topic = chance.choice(sorted(NOUNS))
        noun, other = chance.choice(NOUNS[topic]), chance.choice(NOUNS[topic])
        adjective, verb, time = (chance.choice(part) for part in (ADJECTIVES, VERBS, TIMES))
        found.append(
            (
                topic,
                f"the {adjective[0]} {noun[0]} {verb[0]} the {other[0]} {time[0]} {number}.",
                f"le {adjective[1]} {noun[1]} {verb[1]} le {other[1]} {time[1]} {number}.",
            )
        )
    return found


def write_world(folder: Path) -> Path:
    """Text of both languages, a topic task in both and parallel sentences, as files."""
    folder.mkdir(parents=True)
    rows = sentences(300, seed=1)
    (folder / "en.txt").write_text("\n\n".join(en for _, en, _ in rows))
    (folder / "fr.txt").write_text("\n\n".join(fr for _, _, fr in rows))
    for name, seed, count in (("train", 2, 48), ("test", 3, 16)):
        task = sentences(count, seed)
        _jsonl(folder / f"en-{name}.jsonl", [{"text": en, "label": t} for t, en, _ in task])
        _jsonl(folder / f"fr-{name}.jsonl", [{"text": fr, "label": t} for t, _, fr in task])
    pairs = [{"source": fr, "target": en} for _, en, fr in sentences(12, seed=4)]
    _jsonl(folder / "pairs.jsonl", pairs)
    return folder


def _jsonl(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def resource_of(
    method: str, texts: str, store: str, *, base: str | None = None
) -> LanguageAdaptation:
    """An adaptation to French that takes seconds.

    Args:
        method: Standard, MiniJoint or MiniPost.
        texts: URI of what `write_world` wrote.
        store: URI of the store.
        base: URI of a checkpoint; by default a base with a middle head is pretrained, the same
            one for every method.
    """
    training = {"steps": 12, "batchTokens": 256, "sequenceLength": 32, "learningRate": 5e-3}
    tokenizer = {"train": {"type": "unigram", "vocabSize": 80}}
    pretrain = training | {
        "text": {"uri": f"{texts}en.txt"},
        "tokenizer": tokenizer,
        "jointLayers": 2,
        "architecture": {
            "modelType": "roberta",
            "layers": 4,
            "hiddenSize": 16,
            "attentionHeads": 2,
            "intermediateSize": 32,
            "positions": 32,
        },
    }
    topic = {
        "name": "topic",
        "format": "classification",
        "train": f"{texts}en-train.jsonl",
        "test": f"{texts}fr-test.jsonl",
        "sourceTest": f"{texts}en-test.jsonl",
        "epochs": 1,
        "maxLength": 32,
        "learningRate": 1e-3,
    }
    pairs = {"name": "pairs", "format": "retrieval", "test": f"{texts}pairs.jsonl", "maxLength": 32}
    mini: dict[str, Any] = {"layers": 2}
    if method == "MiniPost":
        mini |= training | {"newLayers": 1, "text": {"uri": f"{texts}en.txt"}}
    return LanguageAdaptation.model_validate(
        {
            "apiVersion": "lingraft.dev/v1alpha1",
            "kind": "LanguageAdaptation",
            "metadata": {"name": "french"},
            "spec": {
                "language": "fr",
                "method": method,
                "base": {"uri": base} if base else {"pretrain": pretrain},
                "mini": mini,
                "corpus": {"uri": f"{texts}fr.txt"},
                "tokenizer": tokenizer,
                "embeddings": training,
                "tasks": [topic, pairs],
                "store": {"uri": store},
            },
        }
    )


class Recorder:
    """A listener that remembers which stages ran and which were cached."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.found: list[str] = []
        self.errors: list[Exception] = []

    def __enter__(self) -> Self:
        """Nothing to open."""
        return self

    def __exit__(self, *reason: object) -> None:
        """Nothing to close."""

    def started(self, name: str) -> None:
        """Forgotten: what matters is what finished."""

    def cached(self, name: str, manifest: Manifest) -> None:
        """Remember that it was there."""
        self.found.append(name)

    def progress(self, name: str, progress: Progress) -> None:
        """Forgotten."""

    def finished(self, name: str, manifest: Manifest) -> None:
        """Remember that it ran."""
        self.ran.append(name)

    def failed(self, name: str, error: Exception) -> None:
        """Remember why."""
        self.errors.append(error)
