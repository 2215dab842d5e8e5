"""Mistral: Llama whose layers may all look at near tokens alone."""

from dataclasses import replace

from lingraft.families import llama

FAMILY = replace(llama.FAMILY, model_type="mistral", local="all")
