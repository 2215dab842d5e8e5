"""ELECTRA: BERT whose token embeddings may be narrower than its layers.

Its generators have a masked-LM head; its discriminators have another, and MiniPost alone trains
them one.
"""

from lingraft.families.base import Family, Head, Sizes
from lingraft.families.bert import LAYER

FAMILY = Family(
    model_type="electra",
    layers="electra.encoder.layer.",
    layer=LAYER,
    head=Head(
        prefixes=("generator_predictions.", "generator_lm_head."),
        transform=("generator_predictions",),
        decoder="generator_lm_head",
        classes=("ForMaskedLM",),
    ),
    embeddings="electra.embeddings",
    projection="electra.embeddings_project",
    sizes=Sizes(embedding="embedding_size"),
    other_heads=("discriminator_predictions.",),
)
