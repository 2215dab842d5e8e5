"""A tiny Llama as llama.cpp writes it: one GGUF file, its tokenizer inside."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from gguf import GGUFWriter, TokenType
from transformers import LlamaForCausalLM

from tests.support.causal_base import Base

_NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}


def write_gguf(
    file: Path,
    base: Base,
    model: LlamaForCausalLM,
    pre: str,
    *,
    tensors: Mapping[str, np.ndarray | None] = MappingProxyType({}),
    settings: Mapping[str, str | int] = MappingProxyType({}),
) -> None:
    """Write a model of a byte-level base.

    Args:
        file: Written anew.
        base: Whose tokenizer it is.
        model: With tied embeddings.
        pre: llama.cpp's name of the pre-tokeniser.
        tensors: By their names there, that it has beside the model's; None: left out.
        settings: That it has beside the others.
    """
    config: Any = model.config
    writer = GGUFWriter(file, "llama")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    for key, value in settings.items():
        (writer.add_string if isinstance(value, str) else writer.add_uint32)(key, value)  # type: ignore[operator]
    _add_tokenizer(writer, base, pre)
    for key, one in tensors.items():
        if one is not None:
            writer.add_tensor(key, one)
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight":
            continue
        values = tensor.numpy().astype(np.float32)
        theirs = _name(name)
        if theirs in tensors:
            continue
        if (kind := theirs.split(".")[-2]) in heads:  # halves of a head lie side by side there
            rows = values.reshape(heads[kind], 2, -1, values.shape[1])
            values = np.ascontiguousarray(rows.swapaxes(1, 2).reshape(values.shape))
        writer.add_tensor(theirs, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_tokenizer(writer: GGUFWriter, base: Base, pre: str) -> None:
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
    writer.add_pad_token_id(vocabulary[base.config["pad_token"]])
    writer.add_unk_token_id(vocabulary[base.config["unk_token"]])
    writer.add_add_bos_token(False)
    writer.add_chat_template(base.config["chat_template"])


def _name(name: str) -> str:
    parts = name.removeprefix("model.").split(".")
    if parts[0] != "layers":
        return {"embed_tokens": "token_embd", "norm": "output_norm"}[parts[0]] + ".weight"
    return f"blk.{parts[1]}.{_NAMES['.'.join(parts[2:-1])]}.weight"
