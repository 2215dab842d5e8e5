"""What is compared: one model, one text, one batch, as both sides see them."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoConfig, PreTrainedModel

from lingraft import compute
from lingraft.architecture import shape_of_config
from lingraft.families import Family, family_of
from lingraft_trainer.data.packing import PackedText, PackWriter
from lingraft_trainer.models.family import AUTO
from lingraft_trainer.training.precision import Precision

HEAD_WIDTH = 64
MASK_PROBABILITY = 0.15
PAD, SPECIAL = 1, 5
"""RoBERTa's padding id; `<s> <pad> </s> <unk>` come first here, and the mask token after them."""


@dataclass(frozen=True)
class Case:
    """One comparison.

    Attributes:
        hidden: Width of the model; 64 to a head.
        layers: Of the model as a whole; a shallow one is the same without the upper layers.
        vocabulary: Rows of the token embeddings.
        length: Tokens of a row.
        batch_tokens: Tokens of an update.
        micro_batch_tokens: Tokens of a forward pass on a GPU, on both sides. On a CPU `Trainer`
            takes an update at once and ours what it takes there.
        precision: Ours. `Trainer` has the same on a GPU, where bf16 is one word in its
            arguments and everybody's choice, and fp32 on a CPU.
        pieces: Documents of a row, which ours keeps apart, and the usual script does not.
        family: transformers' model type.
    """

    hidden: int = 256
    layers: int = 12
    vocabulary: int = 32_000
    length: int = 128
    batch_tokens: int = 2048
    micro_batch_tokens: int = 16384
    precision: Precision = "fp32"
    pieces: int = 1
    family: str = "roberta"

    @property
    def device(self) -> torch.device:
        """Where both sides run."""
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")

    def precision_of(self, side: str) -> Precision:
        """Of `ours` or `trainer`."""
        return self.precision if side == "ours" or self.device.type == "cuda" else "fp32"

    @property
    def of_family(self) -> Family:
        """The family's data."""
        return family_of(self.family)

    @property
    def mask_probability(self) -> float | None:
        """Share of the tokens that are masked; None: a causal model, which tells every token."""
        return None if self.of_family.causal else MASK_PROBABILITY

    def config(self, layers: int) -> Any:
        """Transformers' configuration of the model, cut to a depth. No dropout, as in step 2."""
        family = self.of_family
        shared = family.sizes.key_heads
        return AutoConfig.for_model(
            self.family,
            vocab_size=self.vocabulary,
            max_position_embeddings=self.length + 2,
            pad_token_id=PAD,
            tie_word_embeddings=True,
            **dict.fromkeys(family.dropouts, 0.0),
            # As most have it: three heads of queries share one of keys (SmolLM2-135M).
            **({shared: max(1, self.hidden // HEAD_WIDTH // 3)} if shared else {}),
            **family.config(
                hidden=self.hidden,
                layers=layers,
                heads=self.hidden // HEAD_WIDTH,
                intermediate=(3 * self.hidden // 2) if family.layer.gated else 4 * self.hidden,
            ),
        )

    def model(self, layers: int) -> PreTrainedModel:
        """A model of random weights: speed does not depend on what it knows."""
        return AUTO[self.of_family.objective].from_config(self.config(layers))

    def flops(self, layers: int, *, every_position: bool) -> float:
        """FLOPs of an update by formula; the usual head computes logits at every position."""
        share = 1.0 if every_position else self.mask_probability or 1.0
        return compute.embed_step(
            shape_of_config(self.config(layers).to_dict(), where="bench"),
            layers=layers,
            vocabulary=self.vocabulary,
            tokens=self.batch_tokens,
            told=self.batch_tokens * share,
            sequence_length=self.length,
        )

    @contextmanager
    def text(self) -> Iterator[PackedText]:
        """Packed rows full of random tokens."""
        rng = np.random.default_rng(0)
        with tempfile.TemporaryDirectory(prefix="lingraft-bench-") as folder:
            writer = PackWriter(
                Path(folder),
                sequence_length=self.length,
                pad_id=PAD,
                mask_id=None if self.of_family.causal else SPECIAL - 1,
                causal=self.of_family.causal,
                special_ids=tuple(range(SPECIAL)),
                vocab_size=self.vocabulary,
                prefix=[0],
                suffix=[2],
            )
            piece = self.length // self.pieces
            for _ in range(8 * self.batch_tokens // piece):
                ids = rng.integers(SPECIAL, self.vocabulary, piece - 2)
                writer.add(ids.tolist(), 4 * piece)
            writer.close()
            yield PackedText(Path(folder))

    def to_json(self) -> dict[str, Any]:
        """For the worker processes and the results."""
        return asdict(self)
