"""Masked language modelling as objective for the training loop, and as a score."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from lingraft.errors import UserError
from lingraft.families import Family
from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.models.family import embedded, embeddings, final_norm, output, transform
from lingraft_trainer.models.frozen import FrozenBody
from lingraft_trainer.models.seen import body_output
from lingraft_trainer.training.loss import lookup, tied_cross_entropy
from lingraft_trainer.training.masking import mask_tokens
from lingraft_trainer.training.mlm_data import MlmBatch, batch_of
from lingraft_trainer.training.precision import matmul_dtype

HELDOUT_ROWS, HELDOUT_PROBABILITY = 32, 0.15


class MaskedLmObjective(nn.Module):
    """Sum of the masked-LM loss over a micro-batch, through one model and its head."""

    def __init__(self, model: PreTrainedModel, family: Family) -> None:
        super().__init__()
        self.model = model
        self.family = family

    def forward(self, batch: MlmBatch) -> Tensor:
        """The summed loss in nats, a scalar."""
        body = body_output(
            self.model, self.family, batch.input_ids, batch.attention, batch.position_ids
        )
        return head_loss(self.model, self.family, body.last_hidden_state, batch)


class FrozenObjective(nn.Module):
    """The same sum where only the token embeddings train, and no layer has dropout."""

    def __init__(self, model: PreTrainedModel, family: Family) -> None:
        super().__init__()
        self.model = model
        self.family = family
        self._body: FrozenBody | None = None

    def forward(self, batch: MlmBatch) -> Tensor:
        """The summed loss in nats, a scalar."""
        tokens = embeddings(self.model)
        looked_up = lookup(tokens.weight, batch.input_ids, tokens.padding_idx)
        x_BSH = embedded(self.model, self.family, looked_up, batch.position_ids)
        if self._body is None:  # not before: the model may have been moved to a device
            self._body = FrozenBody(self.model, self.family, matmul_dtype(x_BSH))
        hidden_MH = self._body(
            x_BSH, batch.attention, batch.masked, batch.slots, batch.position_ids
        )
        hidden_MH = final_norm(self.model, self.family, hidden_MH)
        return _loss_of(self.model, self.family, hidden_MH, batch.labels)


def masked_lm_objective(model: PreTrainedModel, family: Family) -> nn.Module:
    """The fastest objective that is exact for what of the model trains."""
    fits = FrozenBody.fits(model, family)
    return FrozenObjective(model, family) if fits else MaskedLmObjective(model, family)


class JointObjective(nn.Module):
    """MiniJoint's step 1: the mean of the top head's loss and the middle head's."""

    def __init__(self, model: PreTrainedModel, view: PreTrainedModel, family: Family) -> None:
        super().__init__()
        self.model = model
        self.view = view
        self.family = family
        self.depth = view.config.num_hidden_layers

    def forward(self, batch: MlmBatch) -> Tensor:
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


def head_loss(
    model: PreTrainedModel, family: Family, hidden_BSH: Tensor, batch: MlmBatch
) -> Tensor:
    """The head's summed loss at the masked positions of a body's output."""
    hidden_MH = hidden_BSH.flatten(0, 1).index_select(0, batch.masked)
    return _loss_of(model, family, hidden_MH, batch.labels)


def _loss_of(model: PreTrainedModel, family: Family, hidden_MH: Tensor, labels: Tensor) -> Tensor:
    features_MH = transform(model, family, hidden_MH)
    matrix, bias = output(model).weight, output(model).bias
    return tied_cross_entropy(
        features_MH,
        matrix,
        matrix.new_zeros(len(matrix)) if bias is None else bias,
        labels,
        dtype=matmul_dtype(features_MH),
    )


@dataclass(frozen=True)
class Heldout:
    """A score that needs no labels.

    Attributes:
        loss: Masked-LM loss per masked token, in nats.
        bits_per_byte: The same per byte of text: comparable between vocabularies. Bytes that no
            token tells cost 8 bits each: an unknown token is easily guessed, what it stands for
            is not.
        unknown_rate: Share of such bytes.
    """

    loss: float
    bits_per_byte: float
    unknown_rate: float

    def to_json(self) -> dict[str, float]:
        """As metrics have it."""
        return {
            "maskedLmLoss": self.loss,
            "bitsPerByte": self.bits_per_byte,
            "unknownRate": self.unknown_rate,
        }


@torch.no_grad()
def heldout_score(
    model: PreTrainedModel, family: Family, text: PackedText, *, where: str
) -> Heldout:
    """Score a model on all held-out rows, 15 % masked, the same tokens every time.

    Args:
        model: In its mode of evaluation.
        family: The model's.
        text: Packed text of its vocabulary.
        where: The resource's field to change if the loss is no number.

    Raises:
        UserError: It is none.
    """
    objective = MaskedLmObjective(model, family).eval()
    special = np.zeros(text.vocab_size, dtype=bool)
    special[list(text.special_ids)] = True
    total, masked, tokens_seen = 0.0, 0, 0
    for start in range(0, text.rows, HELDOUT_ROWS):
        tokens, segments = text.take(np.arange(start, min(start + HELDOUT_ROWS, text.rows)))
        maskable = (segments > 0) & ~special[tokens]
        inputs, chosen = mask_tokens(
            tokens,
            maskable,
            seed=0,
            step=start,
            probability=HELDOUT_PROBABILITY,
            mask_id=text.mask_id,
            vocabulary=text.vocab_size,
        )
        first = family.first_position(text.pad_id)
        batch = batch_of(tokens, segments, inputs, chosen, first_position=first)
        total += float(objective(batch.to(model.device)))
        masked += int(chosen.sum())
        tokens_seen += int(maskable.sum())
    loss = total / max(1, masked)
    if not math.isfinite(loss):
        raise UserError(
            "the model's loss on held-out text is no number (NaN or infinite): its training "
            "diverged; lower it",
            where=where,
        )
    bits = loss / math.log(2) * tokens_seen + 8 * text.unknown_bytes
    return Heldout(loss, bits / max(1, text.bytes), text.unknown_rate)
