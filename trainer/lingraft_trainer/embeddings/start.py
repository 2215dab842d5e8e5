"""The start of step 2 put into a model: one for whoever trains from it and whoever scores it."""

from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from lingraft.families import Family
from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.embeddings.calibrate import Calibration, calibrate
from lingraft_trainer.embeddings.init import Kind, initial_embeddings
from lingraft_trainer.embeddings.kept import KeptRows, known_added, seen_in
from lingraft_trainer.models.family import embeddings, is_tied, output, replace_vocabulary
from lingraft_trainer.running.context import StageContext
from lingraft_trainer.training.precision import Precision


@dataclass(frozen=True)
class Started:
    """What a start did.

    Attributes:
        taken: How many rows were taken from the source.
        calibration: What the calibration did; None where there was none.
        kept: The rows that are to stay as they are; None where all are learned.
    """

    taken: int
    calibration: Calibration | None = None
    kept: KeptRows | None = None


@dataclass(frozen=True)
class Start:
    """A kind of start.

    Attributes:
        kind: See `initial_embeddings`.
        calibrated: Whether it is fitted to the text's frequencies then (`calibrate`).
        seed: Of what is drawn.
        keeps: Whether added tokens start as the base has them, and those that are not in the text
            stay so.
    """

    kind: Kind
    calibrated: bool
    seed: int
    keeps: bool = False

    def into(
        self,
        model: PreTrainedModel,
        family: Family,
        source: PreTrainedTokenizerBase,
        target: PreTrainedTokenizerBase,
        text: PackedText,
        device: torch.device,
        precision: Precision,
        source_text: PackedText | None = None,
    ) -> Started:
        """Give a model a new vocabulary as it is before any update, in place.

        Args:
            model: With the base's vocabulary. On the CPU; left on the device if it is calibrated.
            family: The model's.
            source: The base's tokenizer.
            target: The new language's.
            text: Packed text of the new language.
            device: Where to calibrate.
            precision: Of the model's products there.
            source_text: Packed text of the base's language, for the kind that reads it.

        Returns:
            What was done.
        """
        base = _rows_of(model)
        rows, taken = initial_embeddings(
            self.kind,
            base,
            source,
            target,
            seed=self.seed,
            text=text,
            source_text=source_text,
        )
        kept: KeptRows | None = None
        if self.keeps:
            pairs = known_added(source, target)
            rows[list(pairs)] = base[list(pairs.values())].to(rows)
            seen_V = seen_in(text)
            kept = KeptRows.of(_halves(model), {n: o for n, o in pairs.items() if not seen_V[n]})
        width = embeddings(model).embedding_dim
        own = rows[:, width:] if rows.shape[1] > width else None
        replace_vocabulary(model, family, rows[:, :width], text.pad_id, output_matrix=own)
        if not self.calibrated:
            return Started(taken, kept=kept)
        model.to(device)  # type: ignore[arg-type]  # transformers' stubs want another type
        calibration = calibrate(model, family, text, precision)
        if kept is not None:
            kept.put_back(*_halves(model))
        return Started(taken, calibration, kept)


def source_text(ctx: StageContext) -> PackedText | None:
    """The base's language in its tokens, where the stage was given it."""
    corpus = ctx.inputs.get("source")
    return None if corpus is None else PackedText(corpus / "train")


def _halves(model: PreTrainedModel) -> tuple[Tensor, Tensor | None]:
    """Its embeddings [V, E], and its decoder's rows [V, E] where it has rows of its own."""
    read = embeddings(model).weight.detach()
    return read, None if is_tied(model) else output(model).weight.detach()


def _rows_of(model: PreTrainedModel) -> Tensor:
    """What a model has of every token: [V, E], or [V, 2E] where the decoder has rows of its own."""
    read, written = _halves(model)
    return read if written is None else torch.cat([read, written], dim=1)
