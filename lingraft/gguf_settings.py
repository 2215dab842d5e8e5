"""What a GGUF file's header says of a model's computation, and what of it would be lost.

transformers' reader takes the sizes and drops the rest without a word. What else is known is put
into the config here; any other setting of the architecture is refused, for a model that runs
without it tells other tokens. What a file leaves unsaid is as llama.cpp has it
(`src/llama-model.cpp`): scores of Gemma are divided by the root of a head's width, but for its
27 billion parameters, where it is the hidden width over the heads.
"""

from collections.abc import Mapping
from typing import Any

from lingraft.errors import UserError

_GIVE = "give the checkpoint that it was made of"
_SIZES = (
    "vocab_size",
    "context_length",
    "embedding_length",
    "block_count",
    "feed_forward_length",
    "attention.head_count",
    "attention.head_count_kv",
    "attention.key_length",
    "attention.value_length",
    "attention.layer_norm_rms_epsilon",
    "rope.freq_base",
    "rope.dimension_count",
    "expert_count",  # refused by what it means
)
_CAPS = {
    "attn_logit_softcapping": "attn_logit_softcapping",
    "final_logit_softcapping": "final_logit_softcapping",
}
_WINDOW = "attention.sliding_window"
_READ = {
    "gemma2": (_WINDOW, *_CAPS),
    "gemma3": (_WINDOW, "final_logit_softcapping"),
    "phi3": (_WINDOW,),
}
"""Settings that are read, beside sizes, by the architecture."""
_ONLY: dict[str, tuple[Any, ...]] = {
    _WINDOW: (0,),
    "attn_logit_softcapping": (0.0,),
    "final_logit_softcapping": (0.0,),
    "attention.causal": (True,),
    "attention.scale": (0.0,),
    "expert_used_count": (0,),
    "logit_scale": (0.0, 1.0),
    "residual_scale": (0.0, 1.0),
    "embedding_scale": (0.0, 1.0),
    "nextn_predict_layers": (0,),
    "rope.scaling.type": ("none",),
    "rope.scaling.factor": (0.0, 1.0),
    "rope.scaling.attn_factor": (0.0, 1.0),
    "rope.scale_linear": (0.0, 1.0),
}
"""What other settings may be, for they change nothing then."""
_IDLE = (
    "rope.scaling.original_context_length",
    "rope.scaling.finetuned",
    "tensor_data_layout",
)
"""Settings that change nothing by themselves."""
_PATTERNS = {"gemma2": 2, "gemma3": 6}
"""Of so many layers the last looks at all tokens; the others at near ones."""
_WIDEST = {"gemma2": 46, "gemma3": 62}
"""Layers of the model whose scores are divided by another root."""
_PARTLY = ("phi3",)
"""Architectures that may rotate a part of a head alone."""
_NO_SPACE = "tokenizer.ggml.add_space_prefix"
_LOCAL_BASE = 10_000.0
"""By which Gemma 3's local layers rotate."""


class Length(int):
    """What is kept of a list: how long it is."""


def check_settings(settings: Mapping[str, Any], architecture: str, *, where: str) -> None:
    """Refuse a header with a setting that changes the computation and would be lost.

    Args:
        settings: All of the header, a list as its `Length`.
        architecture: By llama.cpp's name.
        where: URI of the file, for errors.

    Raises:
        UserError: Names the setting.
    """
    read = (*_SIZES, *_READ.get(architecture, ()), *_IDLE)
    only = dict(_ONLY)
    if architecture in _PATTERNS:
        only["attention.sliding_window_pattern"] = (_PATTERNS[architecture],)
        only["rope.freq_base_swa"] = (_LOCAL_BASE,) if architecture == "gemma3" else ()
    for key, value in settings.items():
        owner, _, name = key.partition(".")
        if owner != architecture:
            continue
        listed = isinstance(value, Length)
        if listed or not (name in read or value in only.get(name, ())):
            said = f"a list of {value}" if listed else value
            raise UserError(
                f"its header has {name} ({said}), which would be lost in reading it: {_GIVE}",
                where=where,
            )
    width, rotated = _widths(settings, architecture)
    if rotated != width and architecture not in _PARTLY:
        raise UserError(
            f"its header has rope.dimension_count {rotated} of heads of {width}, and part of a "
            f"head is rotated by {', '.join(_PARTLY)} alone: {_GIVE}",
            where=where,
        )
    if (
        settings.get("tokenizer.ggml.model") == "llama"
        and settings.get(_NO_SPACE) is False
        and architecture not in _PATTERNS
    ):
        raise UserError(
            f"its header has {_NO_SPACE} false, and its tokenizer is read as one that puts a space "
            f"before a text, which gives other tokens: {_GIVE}",
            where=where,
        )
    if architecture == "gemma3" and not settings.get(f"{architecture}.{_WINDOW}"):
        raise UserError(f"its header does not say {_WINDOW}: {_GIVE}", where=where)


def settings_of(settings: Mapping[str, Any], architecture: str) -> dict[str, Any]:
    """What a header gives beside sizes, by the names of transformers' configs.

    `rope_theta` and `partial_rotary_factor` are rotations' own.
    """

    def value(name: str) -> Any:
        return settings.get(f"{architecture}.{name}")

    width, rotated = _widths(settings, architecture)
    found: dict[str, Any] = {"head_dim": width, "rope_theta": value("rope.freq_base") or 10_000.0}
    if rotated != width:
        found["partial_rotary_factor"] = rotated / width
    reads = _READ.get(architecture, ())
    if architecture in _WIDEST:
        widest = value("block_count") == _WIDEST[architecture]
        root = value("embedding_length") // value("attention.head_count")
        found["query_pre_attn_scalar"] = root if widest else width
    else:
        found["sliding_window"] = None
    if _WINDOW in reads and value(_WINDOW) is not None:
        found["sliding_window"] = int(value(_WINDOW)) or None
    for key, name in _CAPS.items():
        if key in reads and value(key) is not None:
            found[name] = float(value(key)) or None
    return found


def _widths(settings: Mapping[str, Any], architecture: str) -> tuple[int, int]:
    """Of a head, and of what of it is rotated; 0 where a size is missing, which others refuse."""

    def size(name: str) -> int:
        return int(settings.get(f"{architecture}.{name}") or 0)

    heads = size("attention.head_count")
    width = size("attention.key_length") or (size("embedding_length") // heads if heads else 0)
    return width, size("rope.dimension_count") or width
