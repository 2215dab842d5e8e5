"""Language modelling, masked or causal, as objective for the training loop, and as a score."""

import math
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from lingraft.errors import UserError
from lingraft.families import Family, Objective
from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.models.family import (
    embedded,
    embeddings,
    final_norm,
    is_tied,
    output,
    transform,
)
from lingraft_trainer.models.frozen import FrozenBody
from lingraft_trainer.models.seen import body_output
from lingraft_trainer.training.lm_data import LmBatch, batch_of, parts_of
from lingraft_trainer.training.loss import lookup, tied_cross_entropy
from lingraft_trainer.training.precision import Precision, autocast, matmul_dtype
from lingraft_trainer.training.targets import causal_targets, masked_targets, ordinary

HELDOUT_ROWS, HELDOUT_PROBABILITY = 32, 0.15


class _Objective(nn.Module):
    """Sum of the loss over a micro-batch, through one model and its head."""

    def __init__(self, model: PreTrainedModel, family: Family) -> None:
        super().__init__()
        self.model = model
        self.family = family

    def forward(self, batch: LmBatch) -> Tensor:
        """The summed loss in nats, a scalar."""
        with torch.no_grad() if batch.output_only else nullcontext():
            hidden_MH = self._told(batch)
        loss = language_loss(self.model, self.family, hidden_MH, batch.labels)
        if batch.output_only and not is_tied(self.model):
            # Rows that are only looked up get a gradient too, of nought, for whoever waits for it.
            rows = lookup(embeddings(self.model).weight, batch.input_ids[:1, :1], None)
            loss = loss + 0.0 * rows.sum()
        return loss

    def _told(self, batch: LmBatch) -> Tensor:
        """The body's output where tokens are to be told, [P, H]."""
        raise NotImplementedError


class LmObjective(_Objective):
    """By transformers' own forward pass."""

    def _told(self, batch: LmBatch) -> Tensor:
        body = body_output(
            self.model, self.family, batch.input_ids, batch.attention, batch.position_ids
        )
        return _at_told(body.last_hidden_state, batch)


class FrozenObjective(_Objective):
    """The same sum where only the token embeddings train, and no layer has dropout."""

    def __init__(self, model: PreTrainedModel, family: Family) -> None:
        super().__init__(model, family)
        self._body: FrozenBody | None = None

    def _told(self, batch: LmBatch) -> Tensor:
        tokens = embeddings(self.model)
        looked_up = lookup(tokens.weight, batch.input_ids, tokens.padding_idx)
        x_BSH = embedded(self.model, self.family, looked_up, batch.position_ids)
        if self._body is None:  # not before: the model may have been moved to a device
            self._body = FrozenBody(self.model, self.family, matmul_dtype(x_BSH))
        hidden_MH = self._body(x_BSH, batch.attention, batch.told, batch.slots, batch.position_ids)
        return final_norm(self.model, self.family, hidden_MH)


def lm_objective(model: PreTrainedModel, family: Family) -> nn.Module:
    """The fastest objective that is exact for what of the model trains."""
    fits = FrozenBody.fits(model, family)
    return FrozenObjective(model, family) if fits else LmObjective(model, family)


class JointObjective(nn.Module):
    """MiniJoint's step 1: the mean of the top head's loss and the middle head's."""

    def __init__(self, model: PreTrainedModel, view: PreTrainedModel, family: Family) -> None:
        super().__init__()
        self.model = model
        self.view = view
        self.family = family
        self.depth = view.config.num_hidden_layers

    def forward(self, batch: LmBatch) -> Tensor:
        """The summed loss in nats, a scalar."""
        body = body_output(
            self.model,
            self.family,
            batch.input_ids,
            batch.attention,
            batch.position_ids,
            every_layer=True,
        )
        middle = final_norm(self.view, self.family, body.hidden_states[self.depth])
        top = head_loss(self.model, self.family, body.last_hidden_state, batch)
        return (top + head_loss(self.view, self.family, middle, batch)) / 2


def head_loss(model: PreTrainedModel, family: Family, hidden_BSH: Tensor, batch: LmBatch) -> Tensor:
    """The head's summed loss where tokens are to be told, of a body's output."""
    return language_loss(model, family, _at_told(hidden_BSH, batch), batch.labels)


def _at_told(hidden_BSH: Tensor, batch: LmBatch) -> Tensor:
    return hidden_BSH.flatten(0, 1).index_select(0, batch.told)


def language_loss(
    model: PreTrainedModel, family: Family, hidden_MH: Tensor, labels: Tensor
) -> Tensor:
    """The head's summed loss in nats of states that tell `labels` [M], in chunks."""
    features_MH = transform(model, family, hidden_MH)
    matrix, bias = output(model).weight, output(model).bias
    return tied_cross_entropy(
        features_MH,
        matrix,
        matrix.new_zeros(len(matrix)) if bias is None else bias,
        labels,
        dtype=matmul_dtype(features_MH),
        cap=getattr(model.config, family.logit_cap) if family.logit_cap else None,
    )


@dataclass(frozen=True)
class Heldout:
    """A score that needs no labels.

    Attributes:
        loss: Per token that is told, in nats.
        bits_per_byte: The same per byte of text: comparable between vocabularies. Bytes that no
            token tells cost 8 bits each: an unknown token is easily guessed, what it stands for
            is not.
        unknown_rate: Share of such bytes.
        bytes: Of the text.
        objective: Whose loss it is.
    """

    loss: float
    bits_per_byte: float
    unknown_rate: float
    bytes: int
    objective: Objective = "masked"

    def to_json(self) -> dict[str, float]:
        """As metrics have it: the losses of two objectives have two names."""
        return {
            f"{self.objective}LmLoss": self.loss,
            "bitsPerByte": self.bits_per_byte,
            "unknownRate": self.unknown_rate,
            "bytes": self.bytes,
        }


@torch.no_grad()
def heldout_score(
    model: PreTrainedModel,
    family: Family,
    text: PackedText,
    *,
    where: str,
    precision: Precision = "fp32",
) -> Heldout:
    """Score a model on all held-out rows: every token, or the same 15 % masked every time.

    Args:
        model: In its mode of evaluation.
        family: The model's.
        text: Packed text of its vocabulary.
        where: The resource's field to change if the loss is no number.
        precision: Of the matrix products; the softmax is fp32 always.

    Raises:
        UserError: It is none.
    """
    objective = LmObjective(model, family).eval()
    total, told, tokens_seen = 0.0, 0, 0
    for start in range(0, text.rows, HELDOUT_ROWS):
        tokens, segments = text.take(np.arange(start, min(start + HELDOUT_ROWS, text.rows)))
        if family.causal:
            targets = causal_targets(tokens, segments)
            targets = targets._replace(told=targets.told & ordinary(targets.wanted, text))
        else:
            share = HELDOUT_PROBABILITY
            targets = masked_targets(tokens, segments, text, seed=0, step=start, probability=share)
        for part in parts_of(len(tokens), text.sequence_length, model.device):
            batch = batch_of(targets.of(part), segments[part], family, pad_id=text.pad_id)
            with autocast(precision, model.device):
                total += float(objective(batch.to(model.device)))
        told += int(targets.told.sum())
        # A masked model tells a share of them. A causal one tells each once: what ends one row and
        # begins the next is told there alone.
        each = targets.told if family.causal else (segments > 0) & ordinary(tokens, text)
        tokens_seen += int(each.sum())
    loss = total / max(1, told)
    if not math.isfinite(loss):
        raise UserError(
            "the model's loss on held-out text is no number (NaN or infinite): its training "
            "diverged; lower it",
            where=where,
        )
    bits = loss / math.log(2) * tokens_seen + 8 * text.unknown_bytes
    bits_per_byte = bits / max(1, text.bytes)
    return Heldout(loss, bits_per_byte, text.unknown_rate, text.bytes, family.objective)
