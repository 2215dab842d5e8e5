"""Instructions and their answers: TRL's prompt-completion and conversational forms."""

from typing import Any, cast

from lingraft.errors import UserError
from lingraft.formats.examples import Instruction, Turn
from lingraft.formats.rows import Row, text_of
from lingraft.formats.wanted import Wanted

_EXPECTED = '{"prompt": "...", "completion": "..."}, each a text or a list of messages; or \
{"messages": [{"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}]}'
_OF_TEMPLATES = ("tools", "chat_template_kwargs")
"""What stands beside a conversation and would have a chat template write another one."""
_CALLS = "tool_calls"
_THOUGHTS = ("reasoning_content", "reasoning", "thinking")
"""Where a message has what was thought before its content."""


def instruction(row: Row, wanted: Wanted) -> Instruction:
    """A prompt and its completion, or a conversation whose last turn is the answer.

    What stands beside them under `system` is said first, as a message of the system.

    Raises:
        UnusableRowError: a missing or wrong field, or a conversation without an answer.
        UserError: an answer that is marked as a bad one, or something that would be left out.
    """
    del wanted
    _refuse_bad(row, "label", row.value("label"))
    for name in _OF_TEMPLATES:
        _refuse_said(row, name, row.value(name), "leave it out of rows that make sense without it")
    turns, last, is_message = _asked_and_answered(row)
    if row.value("system") not in (None, ""):
        if any(turn.role == "system" for turn in turns):
            raise row.unusable("system", "stands beside a message of the system", _EXPECTED)
        turns = [Turn("system", text_of(row, "system", _EXPECTED)), *turns]
    return Instruction(tuple(turns), last, is_message=is_message)


def _asked_and_answered(row: Row) -> tuple[list[Turn], str, bool]:
    """The turns before the answer, the answer, and whether it is a message."""
    if row.value("messages") is not None:
        return _answered(row, "messages", _turns(row, "messages"))
    prompt: Any = row.value("prompt")
    turns = _turns(row, "prompt") if isinstance(prompt, list) else []
    if not isinstance(prompt, list):
        turns = [Turn("user", text_of(row, "prompt", _EXPECTED))]
    if not isinstance(row.value("completion"), list):
        return turns, text_of(row, "completion", _EXPECTED), False
    return _answered(row, "completion", [*turns, *_turns(row, "completion")])


def _answered(row: Row, name: str, messages: list[Turn]) -> tuple[list[Turn], str, bool]:
    *turns, last = messages
    if last.role != "assistant" or not turns:
        raise row.unusable(name, "does not end with an answer of the assistant", _EXPECTED)
    said: dict[str, Any] = row.value(name)[-1]
    _refuse_bad(row, f"{name}'s last weight", said.get("weight"))
    for thought in _THOUGHTS:
        how = "write it into the content, as <think>...</think> before the answer, or leave it out"
        _refuse_said(row, f"{name}'s last {thought}", said.get(thought), how)
    return turns, last.content, True


def _refuse_bad(row: Row, name: str, mark: Any) -> None:
    """Refuse an answer that is there so as not to be given: KTO's, or one that weighs nothing.

    Not as a row that cannot be used, of which some are left out: all such rows say the contrary.

    Raises:
        UserError: it is marked with false or 0.
    """
    said = mark.strip().casefold() if isinstance(mark, str) else mark
    if said in (False, "false", "0"):
        raise UserError(
            f"{name} is {mark!r}, so that the answer is a bad one, and it would be learned as a "
            "good one: leave such rows out (or the field, if it says something else)",
            where=row.place,
        )


def _refuse_said(row: Row, name: str, value: Any, how: str) -> None:
    """Refuse what changes the text that is meant, and is not read.

    Raises:
        UserError: it says something.
    """
    if _says_something(value):
        message = f"{name} is not read, and the text is another without it"
        raise UserError(f"{message}: {how}", where=row.place)


def _says_something(value: Any) -> bool:
    """Whether a value, or anything in it, is more than a gap in a table."""
    if isinstance(value, str):
        return value.strip() not in ("", "[]", "{}", "null")
    if isinstance(value, dict):
        return any(map(_says_something, cast(dict[str, Any], value).values()))
    return value is not None and value != []


def _turns(row: Row, name: str) -> list[Turn]:
    """The messages of a list, at least one."""
    value: Any = row.value(name)
    messages = cast(list[Any], value) if isinstance(value, list) else []
    if not messages or not all(isinstance(one, dict) for one in messages):
        raise row.unusable(name, "is no list of messages", _EXPECTED)
    found: list[Turn] = []
    for number, one in enumerate(cast(list[dict[str, Any]], messages)):
        place = f"{name}[{number}]"
        fields = {f"{place}.{key}": one.get(key) for key in ("role", "content")}
        inner = row._replace(fields=fields, columns={})
        role = text_of(inner, f"{place}.role", _EXPECTED)
        _refuse_said(row, f"{place}.{_CALLS}", one.get(_CALLS), "write calls into the content")
        found.append(Turn(role.strip(), text_of(inner, f"{place}.content", _EXPECTED)))
    return found
