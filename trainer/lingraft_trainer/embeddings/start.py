"""The start of step 2 put into a model: one for whoever trains from it and whoever scores it."""

from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from lingraft.families import Family
from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.embeddings.calibrate import Calibration, calibrate
from lingraft_trainer.embeddings.init import Kind, initial_embeddings
from lingraft_trainer.models.family import embeddings, is_tied, output, replace_vocabulary


@dataclass(frozen=True)
class Start:
    """A kind of start.

    Attributes:
        kind: See `initial_embeddings`.
        calibrated: Whether it is fitted to the text's frequencies then (`calibrate`).
        seed: Of what is drawn.
    """

    kind: Kind
    calibrated: bool
    seed: int

    def into(
        self,
        model: PreTrainedModel,
        family: Family,
        source: PreTrainedTokenizerBase,
        target: PreTrainedTokenizerBase,
        text: PackedText,
        device: torch.device,
    ) -> tuple[int, Calibration | None]:
        """Give a model a new vocabulary as it is before any update, in place.

        Args:
            model: With the base's vocabulary. On the CPU; left on the device if it is calibrated.
            family: The model's.
            source: The base's tokenizer.
            target: The new language's.
            text: Packed text of the new language.
            device: Where to calibrate.

        Returns:
            How many rows were taken from the source, and what the calibration did.
        """
        rows, taken = initial_embeddings(
            self.kind, _rows_of(model), source, target, seed=self.seed, text=text
        )
        width = embeddings(model).embedding_dim
        own = rows[:, width:] if rows.shape[1] > width else None
        replace_vocabulary(model, family, rows[:, :width], text.pad_id, output_matrix=own)
        if not self.calibrated:
            return taken, None
        model.to(device)  # type: ignore[arg-type]  # transformers' stubs want another type
        return taken, calibrate(model, family, text)


def _rows_of(model: PreTrainedModel) -> Tensor:
    """What a model has of every token: [V, E], or [V, 2E] where the decoder has rows of its own."""
    read, written = embeddings(model).weight.detach(), output(model).weight.detach()
    return read if is_tied(model) else torch.cat([read, written], dim=1)
