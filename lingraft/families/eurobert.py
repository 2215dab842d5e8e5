"""EuroBERT: Llama's layers that look both ways; its head is the decoder alone."""

from lingraft.families.base import Family, Head, Sizes
from lingraft.families.llama import LAYER

FAMILY = Family(
    model_type="eurobert",
    layers="model.layers.",
    layer=LAYER,
    head=Head(prefixes=("lm_head.",), transform=(), decoder="lm_head"),
    embeddings=None,
    final_norm="model.norm",
    positions="rotary",
    rotary="model.rotary_emb",
    sizes=Sizes(key_heads="num_key_value_heads"),
    dropouts=("attention_dropout",),
    tied=False,
    answers=False,
    chooses=False,
)
