"""DistilBERT: BERT without segments, under other names."""

from lingraft.families.base import Family, Head, Layer, Sizes

FAMILY = Family(
    model_type="distilbert",
    layers="distilbert.transformer.layer.",
    layer=Layer(
        qkv=("attention.q_lin", "attention.k_lin", "attention.v_lin"),
        out="attention.out_lin",
        up=("ffn.lin1",),
        down="ffn.lin2",
        norms=("sa_layer_norm", "output_layer_norm"),
    ),
    head=Head(
        prefixes=("vocab_transform.", "vocab_layer_norm.", "vocab_projector."),
        transform=("vocab_transform", "activation", "vocab_layer_norm"),
        decoder="vocab_projector",
    ),
    embeddings="distilbert.embeddings",
    sizes=Sizes(hidden="dim", layers="n_layers", heads="n_heads", intermediate="hidden_dim"),
    activation="activation",
    dropouts=("dropout", "attention_dropout", "qa_dropout", "seq_classif_dropout"),
)
