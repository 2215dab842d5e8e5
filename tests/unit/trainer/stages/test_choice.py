"""A task of choices from end to end: learned in one language, chosen in another."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from lingraft_trainer.models.checkpoint import load_lm
from lingraft_trainer.models.family import embeddings
from lingraft_trainer.stages.embed import EMBEDDINGS
from lingraft_trainer.stages.finetune import finetune
from lingraft_trainer.stages.graft import graft
from tests.support import families
from tests.support.tiny import SOURCE_WORDS, context, tiny_base, tiny_corpus, tiny_tokenizer

ANIMALS, VERBS = ("cat", "dog", "bird"), ("sat", "ran", "saw", "on", "and")
FOREIGN = {word: f"{word}u" for word in SOURCE_WORDS if word.isalpha()}
"""The new language: the same words, each by another name."""


def rows_of(count: int) -> list[dict[str, Any]]:
    """The right choice says what the context says; there are two or three."""
    found: list[dict[str, Any]] = []
    for i in range(count):
        shown = [ANIMALS[(i + j) % 3] for j in range(2 + i % 2)]
        right = i // 3 % len(shown)
        told = f"{shown[right]} {shown[right]} {VERBS[i % 5]} {VERBS[i // 5 % 5]}"
        found.append({"context": told, "choices": shown, "label": right})
    return found


def foreign(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same in the new language."""

    def said(text: str) -> str:
        return " ".join(FOREIGN[word] for word in text.split())

    return [
        row | {"context": said(row["context"]), "choices": [said(one) for one in row["choices"]]}
        for row in rows
    ]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def learned(base: Path, folder: Path) -> Path:
    """Embeddings as good as can be: each word has the row of what it means."""
    model: Any = load_lm(base).model
    tokenizer: Any = tiny_tokenizer("roberta", SOURCE_WORDS)
    target: Any = tiny_tokenizer("roberta", [*FOREIGN.values()][::-1])
    meant = {new: old for old, new in FOREIGN.items()}
    names = target.convert_ids_to_tokens(range(len(target)))
    ids = tokenizer.convert_tokens_to_ids([meant.get(name, name) for name in names])
    folder.mkdir()
    tensors = {"weight": embeddings(model).weight[ids], "bias": torch.zeros(len(ids))}
    save_file({name: one.detach().contiguous() for name, one in tensors.items()},
              folder / EMBEDDINGS)  # fmt: skip
    return folder


def test_what_was_learned_in_one_language_is_chosen_in_the_other(tmp_path: Path) -> None:
    base = tiny_base("roberta", tmp_path / "base", layers=2)
    test = rows_of(45)
    params = {
        "format": "choice",
        "sourceLanguage": "en",
        "epochs": 8,
        "batchSize": 16,
        "learningRate": 1e-2,
        "maxLength": 24,
        "dropout": 0.0,
        "seed": 0,
    }
    train = write(tmp_path / "train.jsonl", rows_of(180))
    tuned = context(tmp_path / "finetune", params, base=base, train=train)
    tokens = finetune(tuned).compute.tokens
    rows = sum(len(row["choices"]) for row in rows_of(180))
    assert tokens > 8 * 0.8 * 8 * rows, "every choice is a row of 8 tokens, in 8 epochs"

    grafted = context(
        tmp_path / "graft",
        {"language": "sw", "method": "Standard", "init": "overlap", "seed": 0}
        | {"tasks": [{"name": "t", "format": "choice", "maxLength": 24, "seeds": [0]}]},
        base=base,
        corpus=tiny_corpus("roberta", [*FOREIGN.values()][::-1], tmp_path / "corpus"),
        embed=learned(base, tmp_path / "embed"),
        **{
            "finetune:t:0": tuned.out,
            "test:t": write(tmp_path / "test.jsonl", foreign(test)),
            "source_test:t": write(tmp_path / "source.jsonl", test),
        },
    )
    grafted.ancestors = families.embed_manifest
    (one,) = graft(grafted).metrics["evaluation"]
    accuracy, floors = one["metrics"]["accuracy"]["mean"], one["floors"]["accuracy"]
    assert accuracy == one["sourceMetrics"]["accuracy"]["mean"] > 0.9
    gold = [row["label"] for row in test]
    assert floors["majority"] == pytest.approx(max(map(gold.count, {*gold})) / len(gold))
    assert floors["untouched"]["mean"] < 0.6, "the source model knows none of the words"
    assert one["labels"]["gold"] == {str(n): gold.count(n) for n in sorted({*gold})}
    assert sum(one["labels"]["predicted"].values()) == len(gold) and one["degenerate"] == []
    assert (one["examples"], one["rows"]) == (45, sum(len(row["choices"]) for row in test))
    said = (grafted.out / "predictions/t-0.jsonl").read_text().splitlines()
    given = [int(json.loads(line)["prediction"]) for line in said]
    right = [one == label for one, label in zip(given, gold, strict=True)]
    assert sum(right) / len(gold) == accuracy
    families.write_whole(grafted.out, base, {"t-0": tuned.out})
    weights = load_file(grafted.out / "tasks/t-0/model.safetensors")
    assert weights["roberta.embeddings.word_embeddings.weight"].shape[0] == len(FOREIGN) + 5
