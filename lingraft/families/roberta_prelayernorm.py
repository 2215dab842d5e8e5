"""RoBERTa with a norm before each sub-layer, and one more behind the last layer."""

from dataclasses import replace

from lingraft.families import roberta

FAMILY = replace(
    roberta.FAMILY,
    model_type="roberta-prelayernorm",
    layers="roberta_prelayernorm.encoder.layer.",
    layer=replace(
        roberta.FAMILY.layer,
        norms=("attention.LayerNorm", "intermediate.LayerNorm"),
        pre_norm=True,
    ),
    embeddings="roberta_prelayernorm.embeddings",
    final_norm="roberta_prelayernorm.LayerNorm",
)
