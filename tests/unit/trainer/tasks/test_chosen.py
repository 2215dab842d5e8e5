"""A choice that cannot be read whole is refused: what is left of it would seem likelier."""

import json
from pathlib import Path
from typing import Any

import pytest

from lingraft.errors import UserError
from lingraft.families import family_of
from lingraft.formats import read_examples
from lingraft_trainer.tasks.chosen import score_choices
from lingraft_trainer.tasks.kinds import Scores
from tests.support.tiny import SOURCE_WORDS, tiny_model, tiny_tokenizer

LENGTH = 12
SHORT: dict[str, Any] = {"context": "the cat", "choices": ["sat", "ran"], "label": 0}
WHOLE, CUT = "the cat sat on a mat " * 2, "the cat sat on a mat " * 2 + "dog"


def scores(folder: Path, format: str, *rows: dict[str, Any]) -> Scores:
    file = folder / "task.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    tokenizer = tiny_tokenizer("llama", SOURCE_WORDS)
    model = tiny_model("llama", vocabulary=len(tokenizer))
    examples = read_examples(file, format, "en", "test").rows
    return score_choices(model, family_of("llama"), tokenizer, examples, LENGTH)


@pytest.mark.parametrize(
    ("format", "row", "which"),
    [
        ("choice", {"context": "cat", "choices": ["mat", CUT], "label": 0}, "choice 2"),
        ("xcopa", {"premise": CUT, "choice1": "a", "choice2": "the", "question": "cause",
                   "label": 1}, "the context"),
        ("multiblimp", {"sentence_good": "a cat", "sentence_bad": CUT}, "the wrong sentence"),
    ],
)  # fmt: skip
def test_a_choice_that_is_too_long_is_refused_with_its_line(
    format: str, row: dict[str, Any], which: str, tmp_path: Path
) -> None:
    shorter = json.loads(json.dumps(row).replace(CUT, WHOLE.strip()))
    found = scores(tmp_path, format, shorter, shorter)
    assert len(found.predictions) == 2
    with pytest.raises(
        UserError, match=rf"{which} \('the cat.*\) has 13 tokens, more than the 12"
    ) as at:
        scores(tmp_path, format, shorter, row)
    assert at.value.where is not None and at.value.where.endswith("task.jsonl:2")


def test_a_context_may_be_longer_and_loses_its_beginning(tmp_path: Path) -> None:
    found = scores(tmp_path, "choice", SHORT | {"context": CUT}, SHORT)
    assert len(found.predictions) == 2
