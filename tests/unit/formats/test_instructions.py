"""Instructions in TRL's forms, and what is none."""

import json
from pathlib import Path
from typing import Any

import pytest

from lingraft.errors import UserError
from lingraft.formats import Instruction, Turn, group_of, read_examples

USER = {"role": "user", "content": "When?"}
ANSWER = {"role": "assistant", "content": "At 7:40.\nDaily."}
SYSTEM = {"role": "system", "content": "Be short."}
ONE = Instruction((Turn("user", "When?"),), "At 7:40.\nDaily.")
TWO = Instruction((Turn("system", "Be short."), Turn("user", "When?")), "At 7:40.\nDaily.")


def read(path: Path, *rows: dict[str, Any], **columns: str) -> list[Any]:
    file = path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read_examples(file, "instruction", "en", "train", columns=columns).rows


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"prompt": "When?", "completion": "At 7:40.\nDaily."}, ONE),
        ({"prompt": [USER], "completion": [ANSWER]}, ONE),
        ({"prompt": [SYSTEM, USER], "completion": ANSWER["content"]}, TWO),
        ({"messages": [SYSTEM, USER, ANSWER]}, TWO),
        ({"messages": [USER, ANSWER], "prompt": None}, ONE),
        ({"prompt": "When?", "completion": "At 7:40.\nDaily.", "label": True}, ONE),
        ({"prompt": "When?", "completion": "At 7:40.\nDaily.", "system": "Be short."}, TWO),
        ({"messages": [USER, ANSWER], "system": "Be short."}, TWO),
        ({"messages": [SYSTEM, USER, ANSWER | {"weight": 1}], "system": None}, TWO),
        (
            {"messages": [USER, ANSWER, USER, ANSWER]},
            Instruction((ONE.turns[0], Turn("assistant", ONE.completion), ONE.turns[0]),
                        ONE.completion),
        ),
    ],
)  # fmt: skip
def test_every_form_is_read(row: dict[str, Any], expected: Instruction, tmp_path: Path) -> None:
    (found,) = read(tmp_path, row)
    assert found == expected and group_of(found) == expected.group


def test_fields_may_have_other_names(tmp_path: Path) -> None:
    rows = read(tmp_path, {"q": "When?", "a": "At 7:40.\nDaily."}, prompt="q", completion="a")
    assert rows == [ONE]
    assert read(tmp_path, {"talk": [USER, ANSWER]}, messages="talk") == [ONE]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"prompt": "When?"}, "'completion' is missing"),
        ({"completion": "x"}, "'prompt' is missing"),
        ({"prompt": " ", "completion": "x"}, "'prompt' must be a string"),
        ({"messages": []}, "no list of messages"),
        ({"messages": "x"}, "no list of messages"),
        ({"messages": ["x"]}, "no list of messages"),
        ({"messages": [ANSWER]}, "does not end with an answer"),
        ({"messages": [USER]}, "does not end with an answer"),
        ({"messages": [USER, {"role": "assistant"}]}, r"messages\[1\].content"),
        ({"messages": [{"from": "human", "value": "x"}, ANSWER]}, r"messages\[0\].role"),
        ({"prompt": [USER], "completion": [USER]}, "does not end with an answer"),
    ],
)
def test_what_is_none_is_refused_by_its_field(
    row: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        read(tmp_path, row)


@pytest.mark.parametrize("label", [False, 0, "false", "False"])
def test_an_answer_that_is_labelled_bad_is_not_learned(label: Any, tmp_path: Path) -> None:
    """KTO's rows, of which even one among many is refused: all of them are meant."""
    good = {"prompt": "When?", "completion": "At 7:40.", "label": True}
    bad = {"prompt": "When?", "completion": "Never.", "label": label}
    with pytest.raises(UserError, match=r"is a bad one.*leave such rows out") as caught:
        read(tmp_path, *[good] * 200, bad)
    assert str(caught.value.where).endswith("rows.jsonl:201")


CALLS = [{"type": "function", "function": {"name": "timetable", "arguments": {}}}]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"messages": [USER, ANSWER], "tools": [{"name": "timetable"}]}, "^.*tools is not read"),
        ({"messages": [USER, ANSWER], "tools": '[{"name": "x"}]'}, "tools is not read"),
        (
            {"messages": [USER, ANSWER], "chat_template_kwargs": {"enable_thinking": False}},
            "chat_template_kwargs is not read",
        ),
        ({"messages": [USER, ANSWER | {"tool_calls": CALLS}]}, r"messages\[1\].tool_calls is not"),
        ({"messages": [USER, ANSWER | {"tool_calls": CALLS}, USER, ANSWER]}, r"\[1\].tool_calls"),
        ({"prompt": "When?", "completion": [ANSWER | {"thinking": "Hm."}]}, "last thinking is not"),
        ({"messages": [USER, ANSWER | {"reasoning_content": "Hm."}]}, "last reasoning_content is"),
    ],
)
def test_what_would_be_left_out_of_a_conversation_is_refused(
    row: dict[str, Any], message: str, tmp_path: Path
) -> None:
    """Also one among many: the others are no less another text than was meant."""
    with pytest.raises(UserError, match=message) as caught:
        read(tmp_path, *[{"prompt": "When?", "completion": "At 7:40."}] * 200, row)
    assert str(caught.value.where).endswith("rows.jsonl:201")


def test_gaps_of_a_table_say_nothing(tmp_path: Path) -> None:
    """What a table with such a column writes where a row has nothing of it."""
    kwargs = {"custom_instructions": "", "python_tools": [], "enable_thinking": None}
    gap = {"tool_calls": None, "thinking": "", "reasoning_content": None}
    for nothing in (None, [], "", "[]", "null"):
        row = {"messages": [USER | gap, ANSWER | gap], "tools": nothing}
        assert read(tmp_path, row | {"chat_template_kwargs": kwargs}) == [ONE]
    earlier = [USER, ANSWER | {"thinking": "Hm."}, USER, ANSWER]  # templates leave those out
    assert len(read(tmp_path, {"messages": earlier})) == 1


def test_an_answer_that_weighs_nothing_is_not_learned(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="messages's last weight is 0, so that"):
        read(tmp_path, {"messages": [USER, ANSWER | {"weight": 0}]})
    earlier = [USER, ANSWER | {"weight": 0}, USER, ANSWER]
    assert len(read(tmp_path, {"messages": earlier})) == 1


def test_of_preferences_the_better_answer_is_learned_where_it_is_named(tmp_path: Path) -> None:
    row = {"prompt": "When?", "chosen": ONE.completion, "rejected": "Never."}
    with pytest.raises(UserError, match=r"'completion' is missing.*the row has prompt, chosen"):
        read(tmp_path, row)
    assert read(tmp_path, row, completion="chosen") == [ONE]


def test_two_messages_of_the_system_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'system' stands beside a message of the system"):
        read(tmp_path, {"messages": [SYSTEM, USER, ANSWER], "system": "Be long."})
