"""EuroBERT: Llama's layers that look both ways; its head is the decoder alone."""

from lingraft.families.base import Family, Head, Layer, Sizes

FAMILY = Family(
    model_type="eurobert",
    layers="model.layers.",
    layer=Layer(
        qkv=("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
        out="self_attn.o_proj",
        up=("mlp.gate_proj", "mlp.up_proj"),
        down="mlp.down_proj",
        norms=("input_layernorm", "post_attention_layernorm"),
        pre_norm=True,
        gated=True,
    ),
    head=Head(prefixes=("lm_head.",), transform=(), decoder="lm_head"),
    embeddings=None,
    final_norm="model.norm",
    positions="rotary",
    rotary="model.rotary_emb",
    sizes=Sizes(key_heads="num_key_value_heads"),
    dropouts=("attention_dropout",),
    answers=False,
    chooses=False,
)
