"""SmolLM3: Llama of which every fourth layer does not rotate, and sees no positions."""

from dataclasses import replace

from lingraft.families import llama

FAMILY = replace(
    llama.FAMILY, model_type="smollm3", tied=True, rotates="no_rope_layers", local="some"
)
