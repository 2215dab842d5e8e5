"""From a body's last states to a sentence's vector, as sentence-transformers does it.

The trainer computes it by itself, so that retrieval is scored by what users will get; weights are
read from safetensors alone.
"""

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import normalizers
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from lingraft.encoder_names import WEIGHTS
from lingraft.encoders import WEIGHTED, Encoder, Module, read_encoder
from lingraft.errors import UserError
from lingraft_trainer.models.pooling import pool
from lingraft_trainer.models.weights import check_finite

FIELD = "spec.base.uri"


def encoder_of(folder: Path) -> Encoder | None:
    """The sentence encoder that a checkpoint is; None where it is none.

    Raises:
        UserError: One of its modules is not known.
    """

    def read(key: str) -> bytes | None:
        file = folder / key
        return file.read_bytes() if file.is_file() else None

    return read_encoder(read, where=FIELD)


class Readout(nn.Module):
    """What stands behind a body: pooling, and whatever follows.

    Args:
        encoder: Which modules; by default the mean is pooled.
        folder: Of the checkpoint, where their weights are.

    Raises:
        UserError: Weights are missing, unreadable, of other shapes, or no numbers.
    """

    def __init__(self, encoder: Encoder | None = None, folder: Path | None = None) -> None:
        super().__init__()
        self.encoder = encoder or Encoder()
        self._plain = encoder is None
        self._weighted = nn.ModuleDict()
        for module in self.encoder.modules:
            if module.kind in WEIGHTED:
                assert folder is not None
                self._weighted[module.path] = _loaded(module, folder)
        self.requires_grad_(False)

    def length(self, tokenizer: PreTrainedTokenizerBase, at_most: int) -> int:
        """Tokens of a text that are read: a sentence encoder's own limit, or what is asked for."""
        return at_most if self._plain else min(at_most, length_of(self.encoder, tokenizer))

    def forward(self, states_BSH: Tensor, attention_BS: Tensor, prompt: int = 0) -> Tensor:
        """The texts' vectors, [B, D].

        Args:
            states_BSH: The body's last.
            attention_BS: 1 where there is a token, 0 for padding.
            prompt: Tokens that a prompt put before every text.
        """
        made = {"token_embeddings": states_BSH}
        for module in self.encoder.modules:
            config = module.config
            if module.kind == "Pooling":
                skipped = 0 if config.get("include_prompt", True) else prompt
                states = made["token_embeddings"]
                made["sentence_embedding"] = pool(states, attention_BS, module.poolings, skipped)
                continue
            source = config.get("module_input_name") or "sentence_embedding"
            if source not in made:
                raise UserError(f"{module.path} reads what no module before it makes", where=FIELD)
            made[config.get("module_output_name") or source] = self._one(module, made[source])
        return made["sentence_embedding"]

    def _one(self, module: Module, x: Tensor) -> Tensor:
        match module.kind:
            case "Normalize":
                return nn.functional.normalize(x, dim=-1)
            case "Dropout":
                return x
            case "LayerNorm":
                return self._weighted[module.path].get_submodule("norm")(x)
            case _:
                return _dense(self._weighted[module.path], module, x)


def _dense(layer: nn.Module, module: Module, x: Tensor) -> Tensor:
    activation: nn.Module = getattr(nn, module.activation)()  # one of `ACTIVATIONS`
    y = activation(layer.get_submodule("linear")(x))
    if not module.config.get("use_residual"):
        return y
    return y + (layer.get_submodule("residual")(x) if hasattr(layer, "residual") else x)


def _loaded(module: Module, folder: Path) -> nn.Module:
    """A module with its own weights, in fp32, its parts named as its file names them."""
    config, file, layer = module.config, folder / module.path / WEIGHTS, nn.Module()
    try:
        if module.kind == "LayerNorm":
            layer.norm = nn.LayerNorm(int(config["dimension"]))
        else:
            width, out = int(config["in_features"]), int(config["out_features"])
            layer.linear = nn.Linear(width, out, bias=bool(config.get("bias", True)))
            if config.get("use_residual") and width != out:
                layer.residual = nn.Linear(width, out, bias=False)
        tensors = {name: tensor.to(torch.float32) for name, tensor in load_file(file).items()}
        layer.load_state_dict(tensors)
    except FileNotFoundError:
        message = f"{module.path} has no {WEIGHTS}: give the whole sentence encoder"
        raise UserError(message, where=FIELD) from None
    except (OSError, SafetensorError, RuntimeError, KeyError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        message = f"the sentence encoder's {module.path} cannot be read: {reason}"
        raise UserError(message, where=FIELD) from error
    check_finite(layer.state_dict(), module.path, where=FIELD)
    return layer


def length_of(encoder: Encoder, tokenizer: PreTrainedTokenizerBase) -> int:
    """Tokens of a text that an encoder reads, special ones among them.

    The versions of sentence-transformers of today leave it to the tokenizer to say.
    """
    own = int(tokenizer.model_max_length)
    return min(own, encoder.max_length or own)


def lowered(tokenizer: Any) -> Any:
    """A fast tokenizer that lowers text before it reads it, in place."""
    backend = tokenizer.backend_tokenizer
    own = [] if backend.normalizer is None else [backend.normalizer]
    backend.normalizer = normalizers.Sequence([normalizers.Lowercase(), *own])
    return tokenizer
