"""What was learned of a language, put into models of its base."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from lingraft.families import Family
from lingraft_trainer.models.family import replace_vocabulary
from lingraft_trainer.models.held import hold
from lingraft_trainer.models.weights import check_finite
from lingraft_trainer.packs.vocabulary import set_ids
from lingraft_trainer.tasks.features import with_padding

FIELD = "spec.embeddings"
ROLES = ("pad", "bos", "eos", "cls", "sep", "mask")


class Graft:
    """The learned embeddings and their tokenizer.

    Args:
        learned: File of the tensors that `embed` wrote.
        tokenizer: The new language's.
        dtype: That models are written in: their base's.

    Raises:
        UserError: What was learned is not finite.
    """

    def __init__(
        self, learned: Path, tokenizer: PreTrainedTokenizerBase, dtype: torch.dtype
    ) -> None:
        self.tokenizer = tokenizer
        self.dtype = dtype
        self._learned = load_file(learned)
        check_finite(self._learned, "what step 2 learned", where=FIELD)

    @property
    def tensors(self) -> dict[str, Tensor]:
        """What was learned in the type that models are written in: weight, bias, output."""
        return {name: one.to(self.dtype) for name, one in self._learned.items()}

    @property
    def roles(self) -> dict[str, int | None]:
        """Ids of special tokens by their fields in config.json."""
        words = with_padding(self.tokenizer)
        return {f"{role}_token_id": getattr(words, f"{role}_token_id") for role in ROLES}

    def into(self, model: PreTrainedModel, family: Family) -> None:
        """Give a model the new vocabulary, in place, and round it to the type it is written in.

        What is evaluated afterwards is what a pack gives, put into the same model.

        Raises:
            UserError: A value is too large for that type.
        """
        learned, pad_id = self._learned, self.roles["pad_token_id"]
        assert isinstance(pad_id, int)
        replace_vocabulary(
            model, family, learned["weight"], pad_id, learned.get("bias"), learned.get("output")
        )
        set_ids(model, self.roles, {})
        if self.dtype == torch.float32:
            return
        hold(model, family, self.dtype, layers=None)
        for parameter in model.parameters():
            parameter.data = parameter.data.to(self.dtype).to(parameter.dtype)
        check_finite(model.state_dict(), f"the model in {self.dtype}", where=FIELD)
