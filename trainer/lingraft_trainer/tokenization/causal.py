"""What of a causal base's tokenizer stands under another vocabulary.

Its normaliser, pre-tokeniser and decoder stay as they are, for other programs know pre-tokenisers
by name (llama.cpp) and have no new ones; so do the template that frames a text and the chat
template. Of its added tokens those stay that something relies on: a role, the frame, the end of a
document, config.json or generation_config.json, a chat template. Reserved ones and those of other
uses (the middle of a file to be filled in, runs of spaces) are left out: each would be a row that
is never read.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tokenizers import AddedToken
from transformers import PreTrainedTokenizerBase

from lingraft.errors import UserError
from lingraft_trainer.tokenization.chat import written
from lingraft_trainer.tokenization.generation import read_configs, tokens_named
from lingraft_trainer.tokenization.special import ROLES, SpecialTokens, probe

FIELD = "spec.base.uri"
DOCUMENT_ENDS = ("<|endoftext|>", "<|end_of_text|>")
"""Names of the token between two documents of a pretraining text. An instruct model's eos_token may
be the end of a turn (`<|im_end|>`, `<|eot_id|>`), so these come first."""
_SAID = {"system": "s", "user": "u", "assistant": "a", "tool": "t"}
_TALKS = (("user",), ("system", "user", "assistant", "user"), ("user", "assistant", "tool"))
"""Conversations that show which tokens a template puts together itself, by role."""


def causal_special_tokens(base: PreTrainedTokenizerBase, folder: Path) -> SpecialTokens:
    """The tokens of a causal base that stand under a new vocabulary, in the order of their ids.

    A base without padding pads with the end of a document.

    Args:
        base: Its tokenizer.
        folder: With its config.json and, where it has one, generation_config.json.

    Raises:
        UserError: It is no BPE of bytes, or names tokens that it has not.
    """
    state: dict[str, Any] = json.loads(base.backend_tokenizer.to_str())  # type: ignore[attr-defined]
    refuse_other_models(state["model"], where=FIELD)
    end = document_end(base)
    roles = {role: str(token) for role in ROLES if (token := getattr(base, role, None))}
    roles.setdefault("pad_token", end)
    known: dict[str, Any] = {t.content: t for t in base.added_tokens_decoder.values()}
    said = {*tokens_named(read_configs(folder), base), *_of_frame(state["post_processor"])}
    wanted = {end, *roles.values(), *(said & known.keys()), *_of_templates(base, known)}
    vocabulary = base.get_vocab()
    in_order = sorted(wanted, key=lambda token: vocabulary[token])
    return SpecialTokens(
        roles=roles,
        flags={text: known.get(text) or AddedToken(text, special=True) for text in in_order},
        ids={text: number for number, text in enumerate(in_order)},
        single=probe(base, "a", where=FIELD),
        pair=probe(base, "a", "b", where=FIELD),
        input_names=tuple(base.model_input_names),
        max_length=int(base.model_max_length),
        padding_side=base.padding_side,
        truncation_side=base.truncation_side,
        post_processor=state["post_processor"],
        chat_template=base.chat_template,
    )


def spelled_out(base: PreTrainedTokenizerBase) -> set[str]:
    """What a text must not hold, for it would be read as a special token of a base."""
    return {token.content for token in base.added_tokens_decoder.values() if token.special}


def document_end(tokenizer: PreTrainedTokenizerBase) -> str:
    """The token that stands between two documents.

    Raises:
        UserError: There is none.
    """
    added = {token.content for token in tokenizer.added_tokens_decoder.values()}
    found = next((name for name in DOCUMENT_ENDS if name in added), tokenizer.eos_token)
    if found is None:
        raise UserError(
            "the base's tokenizer has no eos_token, which ends a document: set it in its "
            "tokenizer_config.json",
            where=FIELD,
        )
    return str(found)


def refuse_other_models(model: dict[str, Any], *, where: str) -> None:
    """Refuse what is not BPE, or one whose pieces say where words end.

    Args:
        model: Of a tokenizer.json.
        where: The field that names it.

    Raises:
        UserError: Says what it is.
    """
    if (kind := model.get("type")) != "BPE":
        message = f"its tokenizer is {kind}; a causal base needs BPE with all bytes, as its own is"
    elif model.get("end_of_word_suffix") or model.get("continuing_subword_prefix"):
        message = "its tokenizer marks the ends of words, not their beginnings, and is not followed"
    else:
        return
    raise UserError(f"{message}: give another", where=where)


def _of_frame(step: dict[str, Any] | None) -> Iterator[str]:
    """The tokens that a post-processor puts around a text."""
    if step is None:
        return
    for one in step.get("processors") or ():
        yield from _of_frame(one)
    yield from step.get("special_tokens") or ()
    yield from (step[name][0] for name in ("cls", "sep") if name in step)


def renumbered_frame(step: dict[str, Any] | None, ids: dict[str, int]) -> dict[str, Any] | None:
    """A post-processor as it is, its tokens at other ids."""
    if step is None:
        return None
    step = dict(step)
    if "processors" in step:
        step["processors"] = [renumbered_frame(one, ids) for one in step["processors"]]
    if "special_tokens" in step:
        step["special_tokens"] = {
            name: said | {"ids": [ids[token] for token in said["tokens"]]}
            for name, said in step["special_tokens"].items()
        }
    for name in ("cls", "sep"):
        if name in step:
            step[name] = [step[name][0], ids[step[name][0]]]
    return step


def _of_templates(base: PreTrainedTokenizerBase, added: dict[str, Any]) -> set[str]:
    """The added tokens that chat templates spell out or put together, as `<|` + role + `|>`."""
    template = base.chat_template
    texts = list(template.values()) if isinstance(template, dict) else [template or ""]
    for one in list(texts):
        texts += _rendered(base, one) if one else []
    texts += [one.replace("<", "</") for one in texts]  # a thought that is begun is ended
    return {token for token in added if token.strip() and any(token in text for text in texts)}


def _rendered(base: PreTrainedTokenizerBase, template: str) -> Iterator[str]:
    for roles in _TALKS:
        talk = [{"role": role, "content": _SAID[role]} for role in roles]
        try:
            yield written(base, talk, to_be_answered=True, template=template)
        except Exception:  # of many kinds: a template may refuse a conversation
            continue
