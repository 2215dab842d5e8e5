"""XLM-RoBERTa-XL: XLM-RoBERTa with norms before each sub-layer and behind the last layer."""

from dataclasses import replace

from lingraft.families import roberta

FAMILY = replace(
    roberta.FAMILY,
    model_type="xlm-roberta-xl",
    layer=replace(
        roberta.FAMILY.layer,
        norms=("attention.self_attn_layer_norm", "LayerNorm"),
        pre_norm=True,
    ),
    final_norm="roberta.encoder.LayerNorm",
    pretrained=False,
)
