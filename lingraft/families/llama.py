"""Llama, SmolLM and SmolLM2: RMS norms before each sub-layer, rotary positions, gated, no biases.

Queries share heads of keys; the decoder is tied to the embeddings in small ones.
"""

from lingraft.families.base import Family, Head, Layer, Sizes

LAYER = Layer(
    qkv=("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    out="self_attn.o_proj",
    up=("mlp.gate_proj", "mlp.up_proj"),
    down="mlp.down_proj",
    norms=("input_layernorm", "post_attention_layernorm"),
    pre_norm=True,
    gated=True,
)
FAMILY = Family(
    model_type="llama",
    layers="model.layers.",
    layer=LAYER,
    head=Head(prefixes=("lm_head.",), transform=(), decoder="lm_head", classes=("ForCausalLM",)),
    embeddings=None,
    objective="causal",
    final_norm="model.norm",
    positions="rotary",
    rotary="model.rotary_emb",
    sizes=Sizes(key_heads="num_key_value_heads", head="head_dim"),
    dropouts=("attention_dropout",),
    tied=False,
    answers=False,
    chooses=False,
)
