"""A prompt as a chat template writes it, and the answer that stands behind exactly that.

Mostly the conversation with its answer begins as the prompt does. Of some templates it does not:
the prompt begins a thought (`<think>`) that no answer of the past has (DeepSeek-R1, QwQ), or tells
the system message only where the user has the last word (Mistral). A model is used with the prompt,
so that this is what it learns to answer.
"""

from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase as Tokenizer

from lingraft.errors import UserError
from lingraft.formats import Turn
from lingraft_trainer.tokenization.chat import ANSWER, written

BEGIN, END = "<think>", "</think>"


def answered(tokenizer: Tokenizer, turns: Sequence[Turn], answer: str) -> tuple[str, str]:
    """A prompt, and what is to be said behind it up to its end.

    Args:
        tokenizer: With a chat template.
        turns: The conversation before the answer.
        answer: What the data has.

    Raises:
        UserError: There is no telling how the template writes an answer.
    """
    said = [turn._asdict() for turn in turns]
    asked = written(tokenizer, said, to_be_answered=True)

    def whole_with(content: str) -> str:
        return written(tokenizer, [*said, {"role": "assistant", "content": content}])

    whole = whole_with(answer)
    if whole.startswith(asked):
        return asked, whole[len(asked) :]
    before, *after = whole_with(ANSWER).split(ANSWER)
    if len(after) != 1 or not (whole.startswith(before) and whole.endswith(after[0])):
        raise UserError(
            "the base's chat template writes a prompt and its answer in ways that do not fit "
            "each other: give one by which a conversation begins as its prompt does, in "
            "tokenizer_config.json",
            where="spec.base.uri",
        )
    told = whole[len(before) :]
    if asked.rstrip().endswith(BEGIN):
        return asked, _behind_a_thought(told, answer)
    # White space that stands before an answer is its own where the prompt has not said it.
    return asked, _space_behind(before).removeprefix(_space_behind(asked)) + told


def _behind_a_thought(told: str, answer: str) -> str:
    """An answer behind a prompt that has begun a thought: the data's own, or else an empty one."""
    if END in told:
        return told.lstrip().removeprefix(BEGIN).lstrip("\n")
    told = told.lstrip("\n")
    thought = answer.rpartition(END)[0].strip().removeprefix(BEGIN).strip()
    return f"{thought}\n{END}\n\n{told}"


def _space_behind(text: str) -> str:
    return text[len(text.rstrip()) :]
