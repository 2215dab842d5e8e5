"""XLM-RoBERTa: RoBERTa with another vocabulary."""

from dataclasses import replace

from lingraft.families import roberta

FAMILY = replace(roberta.FAMILY, model_type="xlm-roberta")
