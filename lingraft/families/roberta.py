"""RoBERTa: BERT's layers, positions from behind the padding id, a head of its own."""

from lingraft.families.base import Family, Head
from lingraft.families.bert import LAYER

HEAD = Head(
    prefixes=("lm_head.",),
    transform=("lm_head.dense", "gelu()", "lm_head.layer_norm"),
    decoder="lm_head.decoder",
    bias="lm_head.bias",
)

FAMILY = Family(
    model_type="roberta",
    layers="roberta.encoder.layer.",
    layer=LAYER,
    head=HEAD,
    embeddings="roberta.embeddings",
    positions="padding",
    pretrained=True,
)
