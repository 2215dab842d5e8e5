"""Conversations as a chat template writes them: the same text on any day.

Some templates say which day it is (`strftime_now`: Llama 3, SmolLM3). Text that a model is trained
on would then depend on when that was done, and no digest would tell.

Some end an answer with another token than the tokenizer's eos_token (`<|im_end|>` of Qwen's bases,
whose eos is `<|endoftext|>`): who learns to answer by them ends there.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from transformers import PreTrainedTokenizerBase

TODAY = datetime(2024, 7, 26)
"""What a template is told: the date that Llama 3's has where there is no clock."""
_SAID = {f"%{code}": TODAY.strftime(f"%{code}") for code in "aAbBdeFHIjmMpSuwyY"}
_SAID |= {f"%-{code}": str(int(TODAY.strftime(f"%{code}"))) for code in "dmHI"} | {"%%": "%"}
# Templates are given plain data alone, so that the clock is written as they are. An expression
# stands last: of a block's end the template's first line break would be part.
_CLOCK = (
    "{%- macro strftime_now(format) -%}{%- set day = namespace(text=format) -%}"
    "{%- for code, said in lingraft_today.items() -%}"
    "{%- set day.text = day.text | replace(code, said) -%}{%- endfor -%}"
    "{{- day.text -}}{%- endmacro -%}{{ '' }}"
)

ANSWER = "\ue0a0"
"""Stands for an answer: no template has it, nor does one change it."""


def written(
    tokenizer: PreTrainedTokenizerBase,
    turns: Sequence[Mapping[str, str]],
    *,
    to_be_answered: bool = False,
    template: str | None = None,
) -> str:
    """A conversation as text.

    Args:
        tokenizer: With the chat template.
        turns: What is said, each with its `role` and `content`.
        to_be_answered: Whether what an answer begins with stands at the end.
        template: Another one than the tokenizer's own.
    """
    template = template or str(tokenizer.get_chat_template())
    clock = "strftime_now" in template
    today: dict[str, Any] = {"lingraft_today": _SAID} if clock else {}
    text = tokenizer.apply_chat_template(
        [dict(turn) for turn in turns],
        chat_template=_CLOCK + template if clock else template,
        tokenize=False,
        add_generation_prompt=to_be_answered,
        **today,
    )
    return str(text)


def answer_end(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """The id that ends an answer: the first special token that the chat template puts behind one.

    Without a template it is the tokenizer's eos_token. None where nothing special closes an answer.
    """
    if tokenizer.chat_template is None:
        end = tokenizer.eos_token_id
        return end if isinstance(end, int) else None
    talk = [{"role": "user", "content": "u"}, {"role": "assistant", "content": ANSWER}]
    try:
        _, *after = written(tokenizer, talk).split(ANSWER)
    except Exception:  # of many kinds: a template may refuse a conversation
        return None
    behind: Any = tokenizer(after[-1] if after else "", add_special_tokens=False)["input_ids"]
    special = {n for n, token in tokenizer.added_tokens_decoder.items() if token.special}
    return next((number for number in behind if number in special), None)
