"""An answer is learned behind exactly the prompt that a model is used with."""

from pathlib import Path
from typing import Any

import pytest

from lingraft.errors import UserError
from lingraft.formats import Instruction, Turn
from lingraft_trainer.tasks.answered import answered
from lingraft_trainer.tasks.features import IGNORED
from lingraft_trainer.tasks.instruct import InstructionTuning, asked_in_tokens
from lingraft_trainer.tokenization.base import load_base_tokenizer
from tests.support.causal import CHATML, qwen

ASKED = "<|im_start|>assistant\n"
TURNS = (Turn("system", "Be short."), Turn("user", "Why?"))
THINKS = CHATML.replace("assistant\n' }}", "assistant\n<think>\n' }}")
LAST_THOUGHT = THINKS.replace(
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] +",
    "{% set told = message['content'].split('</think>') %}"
    "{{'<|im_start|>' + message['role'] + '\n' + ('<think>\n' + "
    "(told[0].split('<think>')[-1] | trim if told | length > 1 else '') + "
    "'\n</think>\n\n' if message['role'] == 'assistant' else '') + told[-1] | trim +",
)
FORGETS = THINKS.replace("message['content'] +", "message['content'].split('</think>')[-1] +")
INSTRUCTED = (
    "{% for m in messages %}{% if m['role'] == 'user' %}{{ '[INST] ' + (messages[0]['content'] + "
    "'\n\n' if loop.last and messages[0]['role'] == 'system' else '') + m['content'] + '[/INST]' }}"
    "{% elif m['role'] == 'assistant' %}{{ ' ' + m['content'] | trim + '<|im_end|>' }}{% endif %}"
    "{% endfor %}"
)
ENDS = "Rain.<|im_end|>\n"
CASES = {
    "as the conversation goes on": (CHATML, "Rain.", ENDS),
    "a thought that no past has": (THINKS, "Rain.", f"\n</think>\n\n{ENDS}"),
    "a thought of the data's, in the past too": (
        THINKS, "<think>\nClouds\n</think>\n\nRain.", f"Clouds\n</think>\n\n{ENDS}"),
    "a thought of the data's that is not begun": (
        THINKS, "Clouds\n</think>\n\nRain.", f"Clouds\n</think>\n\n{ENDS}"),
    "a thought that the past has empty": (LAST_THOUGHT, "Rain.", f"\n</think>\n\n{ENDS}"),
    "a thought that the past keeps": (
        LAST_THOUGHT, "<think>Clouds</think>Rain.", f"Clouds\n</think>\n\n{ENDS}"),
    "a thought that the past forgets": (
        FORGETS, "<think>\nClouds\n</think>\n\nRain.", f"Clouds\n</think>\n\n{ENDS}"),
    "a system message where the user has the last word": (
        INSTRUCTED, "Rain.", " Rain.<|im_end|>"),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return qwen().write(tmp_path_factory.mktemp("qwen"))


@pytest.mark.parametrize("case", CASES)
def test_the_answer_stands_behind_what_a_model_is_prompted_with(case: str, folder: Path) -> None:
    template, completion, wanted = CASES[case]
    tokenizer: Any = load_base_tokenizer(folder)
    tokenizer.chat_template = template
    talk = [turn._asdict() for turn in TURNS]
    prompt = tokenizer.apply_chat_template(talk, tokenize=False, add_generation_prompt=True)
    assert answered(tokenizer, TURNS, completion) == (prompt, wanted)
    rows = [Instruction(TURNS, completion)]
    (feature,) = InstructionTuning().encode(rows, tokenizer, 240, ())
    ids, told = feature["input_ids"], [one for one in feature["target"] if one != IGNORED]
    (given,) = asked_in_tokens(rows, tokenizer)
    assert given == tokenizer.apply_chat_template(
        talk, add_generation_prompt=True, return_dict=False
    )
    assert ids == given + told
    assert tokenizer.decode(told) == wanted


def test_a_template_that_writes_no_answer_is_refused(folder: Path) -> None:
    tokenizer: Any = load_base_tokenizer(folder)
    tokenizer.chat_template = (
        "{% if add_generation_prompt %}{{ messages[0]['content'] }}{% endif %}"
    )
    with pytest.raises(UserError, match="do not fit each other: give one") as caught:
        answered(tokenizer, TURNS, "Rain.")
    assert caught.value.where == "spec.base.uri"
