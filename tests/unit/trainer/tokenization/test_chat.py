"""A template that says which day it is says the same on any."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from transformers.utils import chat_template_utils

from lingraft.formats import Instruction, Turn
from lingraft_trainer.tasks.instruct import InstructionTuning
from lingraft_trainer.tokenization.base import load_base_tokenizer
from lingraft_trainer.tokenization.causal import causal_special_tokens
from lingraft_trainer.tokenization.chat import TODAY, answer_end, written
from tests.support.causal import BASES, CHATML, smollm2

TALK = (Turn("user", "Why?"),)
LLAMA_3 = (
    "{%- if not date_string is defined %}\n    {%- if strftime_now is defined %}\n        {%- set "
    'date_string = strftime_now("%d %b %Y") %}\n    {%- else %}\n        {%- set date_string = '
    '"26 Jul 2024" %}\n    {%- endif %}\n{%- endif %}\n{{- "Today Date: " + date_string + "\\n" }}'
)
OTHERS = (
    "\n{% macro day() %}{{ strftime_now('%A, %-d %B %Y, %H:%M') }}{% endmacro %}{{ day() }}"
    "{% set today = strftime_now('%Y-%m-%d') %}{{ today | length }} {{ today }}\n"
)
CLOCKS = {"Llama 3's": LLAMA_3, "others": OTHERS}


def on(day: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have transformers take a day for today."""

    class Clock:
        @staticmethod
        def now() -> datetime:
            return day

    monkeypatch.setattr(chat_template_utils, "datetime", Clock)


@pytest.fixture
def tokenizer(tmp_path: Path) -> Any:
    return load_base_tokenizer(smollm2().write(tmp_path / "base"))


@pytest.mark.parametrize("name", CLOCKS)
def test_two_days_give_the_same_text(
    name: str, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer.chat_template = CLOCKS[name] + CHATML
    talk = [turn._asdict() for turn in TALK]
    found: list[Any] = []
    theirs: list[str] = []
    for day in (datetime(2025, 11, 30), datetime(2031, 2, 3, 4, 5), TODAY):
        on(day, monkeypatch)
        theirs.append(tokenizer.apply_chat_template(talk, tokenize=False))
        rows = [Instruction(TALK, "Rain.")]
        features = InstructionTuning().encode(rows, tokenizer, 200, ())
        kept = causal_special_tokens(tokenizer, tmp_path / "base").ids
        found.append((written(tokenizer, talk), features, kept))
    assert found[0] == found[1] == found[2]
    assert len(set(theirs)) == 3 and found[0][0] == theirs[-1]


def test_a_template_without_a_clock_is_left_as_it_is(tokenizer: Any) -> None:
    talk = [turn._asdict() for turn in TALK]
    for asked in (False, True):
        assert written(tokenizer, talk, to_be_answered=asked) == tokenizer.apply_chat_template(
            talk, tokenize=False, add_generation_prompt=asked
        )


def test_of_several_templates_it_is_the_one_for_talking(tokenizer: Any) -> None:
    tokenizer.chat_template = {"default": CHATML, "tool_use": LLAMA_3}
    assert written(tokenizer, [TALK[0]._asdict()]).endswith("user\nWhy?<|im_end|>\n")


ENDS = {"smollm2": "<|im_end|>", "llama-3": "<|eot_id|>", "qwen": "<|im_end|>", "phi-3": "<|end|>"}


@pytest.mark.parametrize("name", BASES)
def test_an_answer_ends_in_the_first_special_token_behind_it(name: str, tmp_path: Path) -> None:
    tokenizer: Any = load_base_tokenizer(BASES[name]().write(tmp_path))
    wanted = ENDS.get(name, "</s>")  # without a template the end of a text
    assert answer_end(tokenizer) == tokenizer.convert_tokens_to_ids(wanted)


@pytest.mark.parametrize(
    "template",
    [
        "{% for m in messages %}{{ bos_token + m['content'] + '\n' }}{% endfor %}",
        "{{ raise_exception('no system message') }}",
    ],
)
def test_no_special_token_ends_an_answer_that_none_stands_behind(
    template: str, tokenizer: Any
) -> None:
    tokenizer.chat_template = template
    assert answer_end(tokenizer) is None
