"""Phi-3 and Phi-4-mini: Mistral whose products lie side by side; part of a head may be rotated."""

from dataclasses import replace

from lingraft.families import mistral

FAMILY = replace(
    mistral.FAMILY,
    model_type="phi3",
    layer=replace(mistral.FAMILY.layer, qkv=("self_attn.qkv_proj",), up=("mlp.gate_up_proj",)),
    dropouts=("attention_dropout", "embd_pdrop", "resid_pdrop"),
)
