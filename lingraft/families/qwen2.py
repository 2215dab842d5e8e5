"""Qwen2 and Qwen2.5: Llama with biases of queries, keys and values; some layers may be local."""

from dataclasses import replace

from lingraft.families import llama

FAMILY = replace(llama.FAMILY, model_type="qwen2", local="some")
