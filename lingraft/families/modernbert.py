"""ModernBERT, and mmBERT, which is ModernBERT under Gemma 2's tokenizer.

Norms before each sub-layer, but for the first layer's attention; rotary positions; a gated
feed-forward; two layers in three look at near tokens alone.
"""

from lingraft.families.base import Family, Head, Layer

FAMILY = Family(
    model_type="modernbert",
    layers="model.layers.",
    layer=Layer(
        qkv=("attn.Wqkv",),
        out="attn.Wo",
        up=("mlp.Wi",),
        down="mlp.Wo",
        norms=("attn_norm", "mlp_norm"),
        pre_norm=True,
        gated=True,
    ),
    head=Head(prefixes=("head.", "decoder."), transform=("head",), decoder="decoder"),
    embeddings="model.embeddings",
    final_norm="model.final_norm",
    positions="rotary",
    rotary="model.rotary_emb",
    rotary_by_kind=True,
    local="some",
    activation="hidden_activation",
    dropouts=("attention_dropout", "embedding_dropout", "mlp_dropout", "classifier_dropout"),
)
