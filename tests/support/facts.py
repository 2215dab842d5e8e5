"""Facts of a pack, as a graft's manifest has them."""

from typing import Any

from lingraft.pack import Pack, PackBase
from lingraft.pack.facts import Facts


def facts(**changes: Any) -> Facts:
    """Of a French RoBERTa with a task of the Hub and one of the user's own."""
    score = {"mean": 0.71234, "stderr": 0.011, "perSeed": [0.71234]}
    floors = {"accuracy": {"majority": 0.33, "untouched": {"mean": 0.41}}}
    entry = {"metrics": {"accuracy": score}, "floors": floors, "warnings": []}
    given: dict[str, Any] = {
        "pack": Pack(
            language="fr",
            source_language="en",
            method="MiniPost",
            model_type="roberta",
            base=PackBase(ref="source/abc", embeddings="0" * 64),
            vocabulary=32000,
            width=768,
            dtype="float32",
            tied=True,
            roles={"pad_token_id": 1},
        ),
        "graft": "graft/123",
        "created_at": "2026-11-30T12:00:00.000000+00:00",
        "base_model": "FacebookAI/roberta-base",
        "formats": {"nli": "xnli", "topic": "classification"},
        "metrics": {
            "evaluation": [entry | {"task": "nli"}, entry | {"task": "topic"}],
            "heldout": {"bitsPerByte": 1.2, "start": {"bitsPerByte": 2.0}, "untouched": None},
            "compute": {"embedFlops": 1e15, "standardFlops": 2e15},
        },
        "tokenizer": {"piecesPerWord": 1.31, "charactersPerPiece": 4.2, "unknownRate": 0.0},
        "method": "own layers with a bridge",
        "sources": {"corpus.text": "f" * 64},
        "device_seconds": 1234.0,
        "flops": 3e15,
    }
    return Facts.model_validate(given | changes)
