"""Gemma 2: norms before and behind each sub-layer, scaled embeddings, capped scores and logits.

Every second layer looks at near tokens alone.
"""

from dataclasses import replace

from lingraft.families import llama

FAMILY = replace(
    llama.FAMILY,
    model_type="gemma2",
    layer=replace(
        llama.FAMILY.layer,
        norms=("input_layernorm", "pre_feedforward_layernorm"),
        added_norms=("post_attention_layernorm", "post_feedforward_layernorm"),
    ),
    scaled=True,
    tied=True,
    local="some",
    attention="added",
    score_scale="query_pre_attn_scalar",
    score_cap="attn_logit_softcapping",
    logit_cap="final_logit_softcapping",
    activation="hidden_activation",
    only={"use_bidirectional_attention": (False, "it looks to both sides")},
)
