"""Masked positions as tensors of few shapes."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lingraft_trainer.machine.device import sent

PAD_TO_MULTIPLE_OF = 16
"""Numbers of masked positions are padded to a multiple of it: libraries prepare every shape anew.

cuDNN plans its attention in milliseconds; oneDNN compiles its bf16 products and keeps them, 1,024
of them in half a gigabyte.
"""


@dataclass(frozen=True)
class Slots:
    """Masked positions as a rectangle: every row of a batch gets as many slots as the fullest.

    Made where the batch is: on a GPU the shape would have to be waited for.

    Attributes:
        flat: Position of every slot in the flattened [B * S], [B * K]; spare slots hold some
            position of their row, and what is computed there is dropped.
        used: The slots that are not spare, in the order of the masked positions, `padded` as
            those are, [P].
    """

    flat: Tensor
    used: Tensor

    @classmethod
    def of(cls, masked: NDArray[np.int64], length: int, rows: int) -> "Slots":
        """Of masked positions in the flattened [B * S], ascending, [M]."""
        row = masked // length
        counts = np.bincount(row, minlength=rows)
        most = -(-max(1, int(counts.max())) // PAD_TO_MULTIPLE_OF) * PAD_TO_MULTIPLE_OF
        used = row * most + np.arange(len(masked)) - (counts.cumsum() - counts)[row]
        flat = np.repeat(np.arange(rows) * length, most)
        flat[used] = masked
        return cls(torch.from_numpy(flat), torch.from_numpy(padded(used)))

    def to(self, device: torch.device) -> "Slots":
        """The slots on a device."""
        return Slots(sent(self.flat, device), sent(self.used, device))


def padded(positions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions, [M], and zeros after them up to a multiple of PAD_TO_MULTIPLE_OF, [P]."""
    return np.pad(positions, (0, -len(positions) % PAD_TO_MULTIPLE_OF))
