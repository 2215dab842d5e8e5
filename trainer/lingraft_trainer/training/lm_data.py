"""Language modelling as data for the training loop: packed rows in micro-batches."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from lingraft.families import Family
from lingraft.params import LmTraining
from lingraft.stage import CPU_MICRO_BATCH_TOKENS
from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.machine.device import sent
from lingraft_trainer.models.slots import Slots, padded
from lingraft_trainer.training.loop import Step
from lingraft_trainer.training.masking import rows_of_step, share_of
from lingraft_trainer.training.targets import Targets, targets_of


@dataclass(frozen=True)
class LmBatch:
    """One micro-batch. B rows of S tokens, of which M are to tell one; with their padding P are."""

    input_ids: Tensor  # [B, S]
    position_ids: Tensor  # [B, S]
    segments: Tensor | None  # [B, S] uint8, or None where every row is one piece
    told: Tensor  # [P], indices into the flattened [B * S]: those that tell one, then zeros
    slots: Slots | None  # the same, as a rectangle; None where that spares nothing
    labels: Tensor  # [M]
    output_only: bool = False  # nothing is learned through the body

    @property
    def rows(self) -> int:
        """Rows in this micro-batch."""
        return self.input_ids.shape[0]

    @property
    def attention(self) -> Tensor | None:
        """Which positions are of one piece, [B, 1, S, S] bool; None: all of their row."""
        numbers = self.segments
        return None if numbers is None else numbers[:, None, :, None] == numbers[:, None, None, :]

    def to(self, device: torch.device) -> "LmBatch":
        """The batch on a device."""
        return LmBatch(
            sent(self.input_ids, device),
            sent(self.position_ids, device),
            None if self.segments is None else sent(self.segments, device),
            sent(self.told, device),
            None if self.slots is None else self.slots.to(device),
            sent(self.labels, device),
            self.output_only,
        )


def batch_of(targets: Targets, segments: np.ndarray, family: Family, *, pad_id: int) -> LmBatch:
    """Tensors of one micro-batch, from its rows of the global batch."""
    first_position = family.first_position(pad_id)
    rows, length = targets.inputs.shape
    position = np.arange(length)
    starts = np.zeros_like(targets.inputs)
    change = np.flatnonzero(segments[:, 1:] != segments[:, :-1])
    at_row, at_column = np.divmod(change, length - 1)
    starts[at_row, at_column + 1] = at_column + 1
    within = position - np.maximum.accumulate(starts, axis=1)
    # Padding gets the padding's own position where a family has one, else the first.
    positions = np.where(segments == 0, max(0, first_position - 1), within + first_position)
    one_piece = bool((segments == 1).all())
    told = np.flatnonzero(targets.told)
    return LmBatch(
        torch.from_numpy(targets.inputs),
        torch.from_numpy(positions),
        None if one_piece else torch.from_numpy(segments),
        torch.from_numpy(padded(told)),
        None if family.causal else Slots.of(told, length, rows),
        torch.from_numpy(targets.wanted.reshape(-1)[told]),
    )


def parts_of(rows: int, length: int, device: torch.device) -> list[np.ndarray]:
    """Rows that are read at once: on a CPU what lies between two products stays in its caches."""
    each = max(1, CPU_MICRO_BATCH_TOKENS // length) if device.type == "cpu" else rows
    return np.array_split(np.arange(rows), -(-rows // each))


class LmData:
    """Packed text as global batches: `data(step, rank, world)` gives one worker's share.

    Of its first `output_steps` updates nothing is learned through the body.
    """

    def __init__(
        self,
        text: PackedText,
        params: LmTraining,
        family: Family,
        *,
        micro_batch_tokens: int,
        output_steps: int = 0,
    ) -> None:
        self.text = text
        self.output_steps = output_steps
        self.params = params
        self.family = family
        if not torch.cuda.is_available():
            micro_batch_tokens = min(micro_batch_tokens, CPU_MICRO_BATCH_TOKENS)
        self.micro_rows = max(1, micro_batch_tokens // text.sequence_length)

    def __call__(self, step: int, rank: int, world: int) -> Step[LmBatch]:
        """One worker's micro-batches of update `step`, and the global count of told tokens."""
        params, text = self.params, self.text
        rows = rows_of_step(step, seed=params.seed, batch=params.batch_rows, rows=text.rows)
        tokens, segments = text.take(rows)
        share = params.mask_probability
        targets = targets_of(tokens, segments, text, share, seed=params.seed, step=step)
        mine, idle = share_of(len(rows), rank, world)
        micro = [
            replace(
                batch_of(targets.of(part), segments[part], self.family, pad_id=text.pad_id),
                output_only=step < self.output_steps,
            )
            for part in np.array_split(mine, -(-len(mine) // self.micro_rows))
        ]
        return Step(
            micro_batches=micro,
            first_sample=int(mine[0]),
            idle=idle,
            count=int(targets.told.sum()),
            tokens=int((segments > 0).sum()),
        )
