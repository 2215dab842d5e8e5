"""Qwen3: Qwen2 without biases, with norms of each head's queries and keys."""

from dataclasses import replace

from lingraft.families import qwen2

LAYER = replace(qwen2.FAMILY.layer, query_key_norms=("self_attn.q_norm", "self_attn.k_norm"))

FAMILY = replace(qwen2.FAMILY, model_type="qwen3", layer=LAYER)
