"""A tiny model as llama.cpp writes it: one GGUF file, its tokenizer inside."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from gguf import MODEL_ARCH_NAMES, GGUFWriter, TokenType, get_tensor_name_map
from transformers import PreTrainedModel

from tests.support.causal_base import Base

_TYPES = {"gemma3_text": "gemma3"}
"""llama.cpp's names of architectures, where they differ."""


def write_gguf(
    file: Path,
    base: Base,
    model: PreTrainedModel,
    pre: str,
    *,
    tensors: Mapping[str, np.ndarray | None] = MappingProxyType({}),
    settings: Mapping[str, Any] = MappingProxyType({}),
    adds_bos: bool | None = False,
) -> None:
    """Write a model of a byte-level base.

    Args:
        file: Written anew.
        base: Whose tokenizer it is.
        model: With tied embeddings.
        pre: llama.cpp's name of the pre-tokeniser.
        tensors: By their names there, that it has beside the model's; None: left out.
        settings: That it has beside the others.
        adds_bos: What it says of it; None: nothing.
    """
    config: Any = model.config
    architecture = str(_TYPES.get(config.model_type, config.model_type))
    names = get_tensor_name_map(
        next(one for one, name in MODEL_ARCH_NAMES.items() if name == architecture),
        config.num_hidden_layers,
    )
    writer = GGUFWriter(file, architecture)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    rotations = config.rope_parameters
    writer.add_rope_freq_base(rotations.get("full_attention", rotations)["rope_theta"])
    kinds: dict[type, Any] = {
        str: writer.add_string,
        int: writer.add_uint32,
        float: writer.add_float32,
        list: writer.add_array,
    }
    for key, value in settings.items():
        kinds[type(value)](key, value)
    _add_tokenizer(writer, base, pre, adds_bos)
    for key, one in tensors.items():
        if one is not None:
            writer.add_tensor(key, one)
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight":
            continue
        values = tensor.numpy().astype(np.float32)
        module, _, kind = name.rpartition(".")
        theirs = f"{names.get_name(module)}.{kind}"
        if theirs in tensors:
            continue
        if architecture.startswith("gemma") and module.endswith("norm"):
            values = values + 1
        kind = theirs.split(".")[-2]
        if architecture == "llama" and kind in heads:  # halves of a head lie side by side there
            rows = values.reshape(heads[kind], 2, -1, values.shape[1])
            values = np.ascontiguousarray(rows.swapaxes(1, 2).reshape(values.shape))
        writer.add_tensor(theirs, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_tokenizer(writer: GGUFWriter, base: Base, pre: str, adds_bos: bool | None) -> None:
    state = json.loads(base.backend.to_str())
    added = {token["id"]: token["special"] for token in state["added_tokens"]}
    vocabulary = base.backend.get_vocab(with_added_tokens=True)
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    kinds = {None: TokenType.NORMAL, True: TokenType.CONTROL, False: TokenType.USER_DEFINED}
    writer.add_token_types([kinds[added.get(number)] for number in range(len(tokens))])
    writer.add_token_merges([" ".join(pair) for pair in state["model"]["merges"]])
    writer.add_bos_token_id(vocabulary[base.config["bos_token"]])
    writer.add_eos_token_id(vocabulary[base.config["eos_token"]])
    if "pad_token" in base.config:
        writer.add_pad_token_id(vocabulary[base.config["pad_token"]])
    if "unk_token" in base.config:
        writer.add_unk_token_id(vocabulary[base.config["unk_token"]])
    if adds_bos is not None:
        writer.add_add_bos_token(adds_bos)
    writer.add_chat_template(base.config["chat_template"])
