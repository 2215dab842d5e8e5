"""MPNet: RoBERTa without segments, whose scores are moved by how far apart two tokens are."""

from lingraft.families.base import Family, Layer
from lingraft.families.roberta import HEAD

FAMILY = Family(
    model_type="mpnet",
    layers="mpnet.encoder.layer.",
    layer=Layer(
        qkv=("attention.attn.q", "attention.attn.k", "attention.attn.v"),
        out="attention.attn.o",
        up=("intermediate.dense",),
        down="output.dense",
        norms=("attention.LayerNorm", "output.LayerNorm"),
    ),
    head=HEAD,
    embeddings="mpnet.embeddings",
    positions="padding",
    relative="mpnet.encoder",
    attention="added",
    only={
        "pad_token_id": (1, "transformers counts its positions from 1 whatever it says"),
        "relative_attention_num_buckets": (32, "transformers computes 32 whatever it says"),
    },
)
