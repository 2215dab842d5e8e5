"""DeBERTa-v2 and v3: BERT whose tokens also look at how far apart they are.

Those looks are in no attention that torch fuses: transformers' own forward pass runs them.
"""

from dataclasses import replace

from lingraft.families.base import Family, Sizes
from lingraft.families.bert import FAMILY as BERT

FAMILY = Family(
    model_type="deberta-v2",
    layers="deberta.encoder.layer.",
    layer=replace(
        BERT.layer,
        qkv=("attention.self.query_proj", "attention.self.key_proj", "attention.self.value_proj"),
    ),
    head=BERT.head,
    embeddings="deberta.embeddings",
    attention="encoder",
    frozen=False,
    sizes=Sizes(distances="position_buckets"),
    only={
        "relative_attention": (True, "that is BERT under another name"),
        "conv_kernel_size": (0, "a convolution looks from one text of a packed row into the next"),
        "legacy": (True, "its head has another decoder"),
    },
    other_heads=("mask_predictions.", "lm_predictions."),
)
