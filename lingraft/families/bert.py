"""BERT: norms behind each sub-layer, positions from 0, segments."""

from lingraft.families.base import Family, Head, Layer

LAYER = Layer(
    qkv=("attention.self.query", "attention.self.key", "attention.self.value"),
    out="attention.output.dense",
    up=("intermediate.dense",),
    down="output.dense",
    norms=("attention.output.LayerNorm", "output.LayerNorm"),
)

FAMILY = Family(
    model_type="bert",
    layers="bert.encoder.layer.",
    layer=LAYER,
    head=Head(
        prefixes=("cls.predictions.",),
        transform=("cls.predictions.transform",),
        decoder="cls.predictions.decoder",
        bias="cls.predictions.bias",
    ),
    embeddings="bert.embeddings",
    pretrained=True,
)
