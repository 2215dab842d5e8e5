"""Lay a vocabulary under a model's special tokens, and export it.

The pieces keep their order; the special tokens take the ids that `SpecialTokens` gives them
and the pieces fill what is left. Done on the tokenizer's JSON, so every kind of model
(Unigram, BPE, WordPiece, WordLevel) goes the same way.
"""

import json
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, processors
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from lingraft.errors import UserError
from lingraft_trainer.tokenization.causal import renumbered_frame
from lingraft_trainer.tokenization.special import ROLES, SpecialTokens, special_tokens_of


def swap(
    trained: PreTrainedTokenizerBase, base_tokenizer: PreTrainedTokenizerBase
) -> PreTrainedTokenizerFast:
    """The trained vocabulary with the base's special tokens, template and settings."""
    return relay(trained, special_tokens_of(base_tokenizer))


def relay(tokenizer: PreTrainedTokenizerBase, special: SpecialTokens) -> PreTrainedTokenizerFast:
    """A tokenizer's pieces, and the tokens that somebody added, under other special tokens."""
    roles = {str(getattr(tokenizer, role)) for role in ROLES if getattr(tokenizer, role, None)}
    old = {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special}
    return lay(tokenizer.backend_tokenizer, special, roles | old)  # type: ignore[attr-defined]


def lay(
    backend: Tokenizer, special: SpecialTokens, dropped: set[str] | None = None
) -> PreTrainedTokenizerFast:
    """A raw tokenizer's pieces under special tokens.

    Args:
        backend: Trained or loaded; is not changed.
        special: Whose tokens, ids and template to take.
        dropped: Its former special tokens, left out.
    """
    state: dict[str, Any] = json.loads(backend.to_str())
    model = state["model"]
    kind = model.get("type")
    leave_out = (dropped or set()) | set(special.ids)
    if kind == "Unigram":
        unk = None if model.get("unk_id") is None else model["vocab"][model["unk_id"]][0]
        pieces = [p for p in model["vocab"] if p[0] not in leave_out and p[0] != unk]
        # No text is read as a special token, whatever its normaliser makes of it.
        least = min((score for _, score in pieces), default=0.0)
        specials = {i: [text, least] for text, i in special.ids.items()}
        model["vocab"] = _fill(specials, pieces)
        model["unk_id"] = special.ids[special.roles["unk_token"]]
    elif kind in ("BPE", "WordPiece", "WordLevel"):
        unk = model.get("unk_token")
        by_id = sorted(model["vocab"], key=lambda piece: model["vocab"][piece])
        words = [p for p in by_id if p not in leave_out and p != unk]
        specials = {i: text for text, i in special.ids.items()}
        model["vocab"] = {p: i for i, p in enumerate(_fill(specials, words))}
        if unk is not None:
            model["unk_token"] = special.unk
    else:
        raise UserError(
            f"its model is {kind}; Unigram, BPE, WordPiece and WordLevel are supported",
            where="spec.tokenizer.uri",
        )
    added = [token for token in state["added_tokens"] if token["content"] not in leave_out]
    state["added_tokens"] = []
    state["padding"] = state["truncation"] = None
    state["post_processor"] = renumbered_frame(special.post_processor, special.ids)
    laid = Tokenizer.from_str(json.dumps(state))
    laid.add_tokens([special.flags[t] for t in sorted(special.ids, key=special.ids.get)])  # type: ignore[arg-type]
    # In the order of their ids; one that is no piece of the model gets an id behind the pieces.
    laid.add_tokens([_added(token) for token in added])
    if special.post_processor is None:
        laid.post_processor = _frame(special, "ByteLevel" in json.dumps(state["pre_tokenizer"]))
    for text, number in special.ids.items():
        assert laid.token_to_id(text) == number, f"{text} did not get the id {number}"
    return PreTrainedTokenizerFast(
        tokenizer_object=laid,
        **special.roles,
        model_input_names=list(special.input_names),
        model_max_length=special.max_length,
        padding_side=special.padding_side,
        truncation_side=special.truncation_side,
        clean_up_tokenization_spaces=False,
        add_prefix_space=_adds_prefix_space(laid),
        chat_template=special.chat_template,
        extra_special_tokens=special.others,
    )


def _frame(special: SpecialTokens, byte_level: bool) -> processors.PostProcessor:
    """The post-processor that frames a text as the two templates say."""
    template = processors.TemplateProcessing(
        single=list(special.single),
        pair=list(special.pair),
        special_tokens=list(special.ids.items()),
    )
    if not byte_level:
        return template
    return processors.Sequence([processors.ByteLevel(trim_offsets=True), template])


def _added(token: dict[str, Any]) -> AddedToken:
    flags = {name: token[name] for name in ("single_word", "lstrip", "rstrip", "normalized")}
    return AddedToken(token["content"], special=False, **flags)


def _fill(specials: dict[int, Any], pieces: list[Any]) -> list[Any]:
    """Entries in id order: special ones at their ids, pieces everywhere else."""
    size = len(specials) + len(pieces)
    if max(specials) >= size:
        raise UserError(
            f"the base counts positions from its pad id, {max(specials)}, but the vocabulary has "
            f"{size} tokens: make it larger",
            where="spec.tokenizer.train.vocabSize",
        )
    rest = iter(pieces)
    return [specials[i] if i in specials else next(rest) for i in range(size)]


def save_tokenizer(tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Export a tokenizer so that `AutoTokenizer` gives the same ids and offsets anywhere.

    The class must be `PreTrainedTokenizerFast`. transformers 5 rebuilds the normalizer and
    pre-tokenizer of a named class (RobertaTokenizer, XLMRobertaTokenizer) and takes that class
    from config.json where tokenizer_config.json names none: wrong ids without an error. The
    generic class takes tokenizer.json as it is, in transformers 4 too (which does not know
    transformers 5's own name for it, TokenizersBackend). Truncation and padding that were
    switched on in tokenizer.json (sentence-transformers does) are switched off.
    """
    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())  # type: ignore[attr-defined]
    backend.no_truncation()
    backend.no_padding()
    config: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_input_names": list(tokenizer.model_input_names),
        "model_max_length": int(tokenizer.model_max_length),
        "padding_side": tokenizer.padding_side,
        "truncation_side": tokenizer.truncation_side,
        "clean_up_tokenization_spaces": False,
        # transformers 4 rewrites a ByteLevel pre-tokenizer to this value.
        "add_prefix_space": _adds_prefix_space(backend),
    }
    named: dict[str, Any] = {r: str(t) for r in ROLES if (t := getattr(tokenizer, r, None))}
    others: Any = tokenizer.extra_special_tokens
    if others:
        named["additional_special_tokens"] = [str(token) for token in others]
    if (chat := tokenizer.chat_template) is not None:
        several = isinstance(chat, dict)
        config["chat_template"] = (
            [{"name": n, "template": t} for n, t in chat.items()] if several else chat
        )
    folder.mkdir(parents=True, exist_ok=True)
    backend.save(str(folder / "tokenizer.json"))
    for name, content in (
        ("tokenizer_config.json", config | named),
        ("special_tokens_map.json", named),
    ):
        text = json.dumps(content, indent=2, ensure_ascii=False, sort_keys=True)
        (folder / name).write_text(text + "\n", encoding="utf-8")


def _adds_prefix_space(backend: Tokenizer) -> bool:
    return '"add_prefix_space": true' in json.dumps(json.loads(backend.to_str())["pre_tokenizer"])
