"""OLMo 2: Llama with norms behind each sub-layer alone, and of all queries and keys at once."""

from dataclasses import replace

from lingraft.families import llama

FAMILY = replace(
    llama.FAMILY,
    model_type="olmo2",
    layer=replace(
        llama.FAMILY.layer,
        norms=None,
        added_norms=("post_attention_layernorm", "post_feedforward_layernorm"),
        query_key_norms=("self_attn.q_norm", "self_attn.k_norm"),
    ),
)
