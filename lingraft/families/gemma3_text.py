"""Gemma 3 of text alone: Gemma 2 with norms of queries and keys; local layers rotate otherwise.

Its config may still say caps, but its attention has none.
"""

from dataclasses import replace

from lingraft.families import gemma2

FAMILY = replace(
    gemma2.FAMILY,
    model_type="gemma3_text",
    layer=replace(gemma2.FAMILY.layer, query_key_norms=("self_attn.q_norm", "self_attn.k_norm")),
    rotary_by_kind=True,
    attention="any",
    score_cap=None,
)
