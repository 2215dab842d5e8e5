"""A start that tells every token about as often as the text has it, by forward passes alone.

Rows that were copied or mixed know how often a token occurred in the source language, if anything.
Step 2 spends its first updates on the target's frequencies; here they are found directly. With u
the mean final state over its squared length, c * u added to a token's output row raises its logit
by about c wherever it may stand; c comes from a few rounds of c += log(wanted share / told share).
Of a head with a bias, c is the bias. What that was worth: docs/architecture.md.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from lingraft.compute import CALIBRATION_ROUNDS, CALIBRATION_TOKENS
from lingraft.families import Family
from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.embeddings.cooccurrence import MOST_TOKENS, sampled_rows
from lingraft_trainer.models.family import output, transform
from lingraft_trainer.models.seen import body_output
from lingraft_trainer.training.lm_data import batch_of
from lingraft_trainer.training.precision import Precision, autocast
from lingraft_trainer.training.targets import Targets, causal_targets, masked_targets

AT_ONCE = 1_024
MOST = 3.0
"""By how much c moves in one round at most, in nats."""
PROBABILITY = 0.15
"""Share of the tokens that a masked model tells here, as where it is scored."""
SMOOTHING = 0.5
"""Occurrences that every token has beside those that are counted."""
LOGITS = 1 << 25
"""That are held at once."""
EPS_SHARE = 0.1
"""Of a token's gradient from one occurrence in an update, below which AdamW moves rows less."""


@dataclass(frozen=True)
class Calibration:
    """What was done.

    Attributes:
        before: Kullback-Leibler divergence of what was told from what is wanted, in nats.
        after: The same afterwards; never more.
        scale: Root of the mean square of what the decoder is given.
    """

    before: float
    after: float
    scale: float

    def eps(self, told: float) -> float:
        """AdamW's eps under which training does not undo it.

        A token that an update lacks gets the softmax's small push down alone. AdamW would make a
        full step of it, and of the next one, and the calibration would be gone before its row has
        been seen twice.

        Args:
            told: Tokens that an update tells.
        """
        return float(f"{EPS_SHARE * self.scale / told:.1e}")


@torch.no_grad()
def calibrate(
    model: PreTrainedModel, family: Family, text: PackedText, precision: Precision = "fp32"
) -> Calibration:
    """Fit the decoder's rows, or its bias, to the text's frequencies, in place.

    Args:
        model: With the target's vocabulary, where it is to run.
        family: The model's.
        text: Packed text of that vocabulary.
        precision: Of the body's products; those of the decoder are fp32.
    """
    model.eval()
    wanted_V = _frequencies(text, family).to(model.device)
    features_ME = _features(model, family, text, precision)
    decoder = output(model)
    mean_E = features_ME.mean(dim=0)
    direction_E = mean_E / mean_E.square().sum()
    biased = decoder.bias is not None
    along_M = features_ME.new_ones(len(features_ME)) if biased else features_ME @ direction_E
    cap = getattr(model.config, family.logit_cap) if family.logit_cap else None

    def told(moved_V: Tensor) -> Tensor:
        total_V, rows = torch.zeros_like(wanted_V), max(1, LOGITS // len(wanted_V))
        for part_ME, along in zip(features_ME.split(rows), along_M.split(rows), strict=True):
            logits = torch.outer(along, moved_V) + decoder(part_ME)
            if cap is not None:
                logits = torch.tanh(logits / cap) * cap
            total_V += logits.softmax(dim=-1).sum(dim=0)
        return total_V / len(features_ME)

    moved_V = torch.zeros_like(wanted_V)
    missing_V = wanted_V.log() - told(moved_V).log()
    before = least = float((wanted_V * missing_V).sum())
    best_V = moved_V
    for _ in range(CALIBRATION_ROUNDS):
        moved_V = moved_V + missing_V.clamp(-MOST, MOST)
        missing_V = wanted_V.log() - told(moved_V).log()
        if (now := float((wanted_V * missing_V).sum())) < least:
            least, best_V = now, moved_V
    if biased:
        decoder.bias.add_(best_V)
    else:
        decoder.weight.add_(torch.outer(best_V, direction_E))
    return Calibration(before, least, float(features_ME.square().mean().sqrt()))


def _targets(text: PackedText, rows: np.ndarray, family: Family) -> tuple[Targets, np.ndarray]:
    tokens, segments = text.take(rows)
    if family.causal:
        return causal_targets(tokens, segments), segments
    masked = masked_targets(tokens, segments, text, seed=0, step=0, probability=PROBABILITY)
    return masked, segments


def _frequencies(text: PackedText, family: Family) -> Tensor:
    """Share of each token among those that are to be told, [V]; none is 0."""
    targets, _ = _targets(text, sampled_rows(text, MOST_TOKENS), family)
    counts_V = np.bincount(targets.wanted[targets.told], minlength=text.vocab_size) + SMOOTHING
    return torch.from_numpy(counts_V / counts_V.sum()).float()


def _features(
    model: PreTrainedModel, family: Family, text: PackedText, precision: Precision
) -> Tensor:
    """What the decoder is given where tokens are to be told, [M, E]."""
    found: list[Tensor] = []
    at_once = max(1, AT_ONCE // text.sequence_length)
    rows = sampled_rows(text, CALIBRATION_TOKENS)
    for part in np.array_split(rows, -(-len(rows) // at_once)):
        targets, segments = _targets(text, part, family)
        batch = batch_of(targets, segments, family, pad_id=text.pad_id).to(model.device)
        with autocast(precision, model.device):
            body = body_output(model, family, batch.input_ids, batch.attention, batch.position_ids)
            hidden_MH = body.last_hidden_state.flatten(0, 1)[batch.told[: len(batch.labels)]]
            found.append(transform(model, family, hidden_MH).float())
    return torch.cat(found)
