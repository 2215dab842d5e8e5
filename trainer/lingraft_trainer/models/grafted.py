"""What was learned of a language, put into models of its base."""

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from lingraft.families import Family
from lingraft_trainer.models.family import replace_vocabulary
from lingraft_trainer.models.weights import check_finite
from lingraft_trainer.tasks.features import with_padding
from lingraft_trainer.tokenization.swap import save_tokenizer

FIELD = "spec.embeddings"


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
        self._dtype = dtype
        self._learned = load_file(learned)
        check_finite(self._learned, "what step 2 learned", where=FIELD)

    def into(self, model: PreTrainedModel, family: Family) -> None:
        """Give a model the new vocabulary, in place, and round it to the type it is written in.

        What is evaluated afterwards is what will be written.

        Raises:
            UserError: A value is too large for that type.
        """
        words, learned = with_padding(self.tokenizer), self._learned
        pad_id = words.pad_token_id
        assert isinstance(pad_id, int)
        replace_vocabulary(
            model, family, learned["weight"], pad_id, learned.get("bias"), learned.get("output")
        )
        for role in ("pad", "bos", "eos", "cls", "sep", "mask"):
            name = f"{role}_token_id"
            if role in ("pad", "bos", "eos") or hasattr(model.config, name):
                setattr(model.config, name, getattr(words, name))
        if self._dtype == torch.float32:
            return
        for parameter in model.parameters():
            parameter.data = parameter.data.to(self._dtype).to(torch.float32)
        check_finite(model.state_dict(), f"the model in {self._dtype}", where=FIELD)

    def save(self, model: PreTrainedModel, out: Path) -> None:
        """Write a grafted model with the tokenizer beside it; leaves it in fp32."""
        rounded: Any = model.to  # transformers' stubs of it want another type
        rounded(self._dtype).save_pretrained(out)
        rounded(torch.float32)
        save_tokenizer(self.tokenizer, out)
