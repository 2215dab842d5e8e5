"""Special tokens: which a model knows, by what ids, and how they frame its sequences.

A model's special tokens are part of its weights: their rows are copied to the new vocabulary,
RoBERTa's positions start after the pad id, and every sequence it saw was framed by the same
template. All of it but that is read off the base tokenizer by probing it.
"""

import json
from dataclasses import dataclass, replace
from typing import Any

from tokenizers import AddedToken
from transformers import PreTrainedTokenizerBase

from lingraft.errors import UserError

ROLES = (
    "unk_token",
    "bos_token",
    "eos_token",
    "cls_token",
    "sep_token",
    "pad_token",
    "mask_token",
)
NEEDED = {
    "unk_token": ("unk_token",),
    "first token (cls or bos)": ("cls_token", "bos_token"),
    "last token (sep or eos)": ("sep_token", "eos_token"),
    "pad_token": ("pad_token",),
    "mask_token": ("mask_token",),
}
UNKNOWN = "<unk>"
UNLIMITED = int(1e30)
"""What transformers writes as model_max_length where there is no limit."""


@dataclass(frozen=True)
class SpecialTokens:
    """The special tokens of a model and all that depends on them.

    Attributes:
        roles: Role (`cls_token`) to the token's string; several roles may share one.
        flags: String to AddedToken, with the base's flags (`lstrip` of RoBERTa's mask).
        ids: String to id in the *new* vocabulary: the pad id is the base's where positions are
            counted from it, or where it is small; the rest are small.
        single: Template of one text, in the notation of `tokenizers`: `<s>:0`, `$A:0`, ...
        pair: Template of two texts.
        input_names: What the model is fed; tells whether token_type_ids are produced.
        max_length: Longest sequence, special tokens included.
        post_processor: The base's own, to be kept as it is but for the ids; None: one is made of
            the two templates.
        chat_template: How a conversation is written, or several by name.
    """

    roles: dict[str, str]
    flags: dict[str, AddedToken]
    ids: dict[str, int]
    single: tuple[str, ...]
    pair: tuple[str, ...]
    input_names: tuple[str, ...] = ("input_ids", "attention_mask")
    max_length: int = UNLIMITED
    padding_side: str = "right"
    truncation_side: str = "right"
    post_processor: dict[str, Any] | None = None
    chat_template: str | dict[str, str] | None = None

    @property
    def unk(self) -> str | None:
        """The unknown token's string; a causal base's bytes need none."""
        return self.roles.get("unk_token")

    @property
    def others(self) -> list[str]:
        """Special tokens without a role, in the order of their ids."""
        named = set(self.roles.values())
        return [t for t, flags in self.flags.items() if flags.special and t not in named]

    @property
    def pad_id(self) -> int:
        """The pad token's id."""
        return self.ids[self.roles["pad_token"]]

    def with_max_length(self, length: int) -> "SpecialTokens":
        """The same with another longest sequence."""
        return replace(self, max_length=length)


def default_special_tokens(max_length: int = UNLIMITED) -> SpecialTokens:
    """RoBERTa's special tokens, for a base that is pretrained from text."""
    first, pad, last, unk, mask = "<s>", "<pad>", "</s>", "<unk>", "<mask>"
    roles: dict[str, str] = dict(
        zip(ROLES, (unk, first, last, first, last, pad, mask), strict=True),
    )
    flags = {
        text: AddedToken(text, lstrip=text == mask, normalized=False, special=True)
        for text in (first, pad, last, unk, mask)
    }
    return SpecialTokens(
        roles=roles,
        flags=flags,
        ids={first: 0, pad: 1, last: 2, unk: 3, mask: 4},
        single=(f"{first}:0", "$A:0", f"{last}:0"),
        pair=(f"{first}:0", "$A:0", f"{last}:0", f"{last}:0", "$B:0", f"{last}:0"),
        max_length=max_length,
    )


def special_tokens_of(
    base: PreTrainedTokenizerBase, *, keep_pad: bool = True, where: str = "spec.base.uri"
) -> SpecialTokens:
    """Read a tokenizer's special tokens, template and settings.

    A byte-level tokenizer needs no token for what is unknown, another kind may: where the base has
    none, one is added.

    Args:
        base: The tokenizer.
        keep_pad: Whether the pad id must stay what it is, however large.
        where: The field at fault.

    Raises:
        UserError: A role that masked-language modelling needs is missing.
    """
    roles = {role: str(token) for role in ROLES if (token := getattr(base, role, None))}
    byte_level = "ByteLevel" in str(json.loads(base.backend_tokenizer.to_str())["decoder"])  # type: ignore[attr-defined]
    if "unk_token" not in roles and byte_level:
        roles["unk_token"] = UNKNOWN
    for name, any_of in NEEDED.items():
        if not any(role in roles for role in any_of):
            raise UserError(
                f"the tokenizer has no {name}, which masked-language modelling needs; "
                "set it in its tokenizer_config.json",
                where=where,
            )
    vocabulary = base.get_vocab()
    old = {text: vocabulary.get(text, len(vocabulary)) for text in roles.values()}
    ids = _ids(old, roles["pad_token"], keep_pad=keep_pad)
    known = {str(token): token for token in base.added_tokens_decoder.values()}
    flags: dict[str, AddedToken] = {}
    for text in ids:
        was = known.get(text)
        flags[text] = AddedToken(
            text,
            lstrip=bool(was and was.lstrip),
            rstrip=bool(was and was.rstrip),
            single_word=bool(was and was.single_word),
            normalized=bool(was and was.normalized),
            special=True,
        )
    return SpecialTokens(
        roles=roles,
        flags=flags,
        ids=ids,
        single=probe(base, "a", where=where),
        pair=probe(base, "a", "b", where=where),
        input_names=tuple(base.model_input_names),
        max_length=min(int(base.model_max_length), UNLIMITED),
        padding_side=base.padding_side,
        truncation_side=base.truncation_side,
    )


def _ids(old: dict[str, int], pad: str, *, keep_pad: bool) -> dict[str, int]:
    """The tokens' ids in a new vocabulary, from those in the base's: small, in the same order."""
    in_order = sorted(old, key=lambda token: old[token])
    if not keep_pad and old[pad] > len(old):
        return {token: number for number, token in enumerate(in_order)}
    free = iter(i for i in range(len(old) + 1) if i != old[pad])
    return {token: old[pad] if token == pad else next(free) for token in in_order}


def probe(
    base: PreTrainedTokenizerBase, text: str, pair: str | None = None, *, where: str
) -> tuple[str, ...]:
    """The template by which a tokenizer frames one or two texts."""
    encoded = base(text, pair, return_token_type_ids=True, truncation=False, padding=False)
    parts: list[str] = []
    for token, number, kind in zip(
        encoded.tokens(), encoded.sequence_ids(), encoded["token_type_ids"], strict=True
    ):
        part = f"{token if number is None else '$' + 'AB'[number]}:{kind}"
        if number is None or not parts or parts[-1] != part:
            parts.append(part)
    if sum(part.startswith("$") for part in parts) != 1 + (pair is not None):
        raise UserError(f"the tokenizer gives {text!r} no token: it is of no use here", where=where)
    return tuple(parts)
