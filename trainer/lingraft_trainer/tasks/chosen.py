"""Choices and minimal pairs by log-likelihood: nothing is trained, the likeliest text is taken.

As lm-evaluation-harness scores `multiple_choice`: what the choices follow stands before each of
them, with a space between. Where a choice came first (a cause), the one text follows each choice.
No word is added, so a task is the same in every language.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from transformers import PreTrainedModel
from transformers import PreTrainedTokenizerBase as Tokenizer

from lingraft.errors import UserError
from lingraft.families import Family
from lingraft.formats import Choice, MinimalPair, TaskRow
from lingraft.resource.formats import LIKELIHOOD
from lingraft_trainer.tasks.branches import Encoded
from lingraft_trainer.tasks.kinds import Scores, constant_of, unknown_rate
from lingraft_trainer.tasks.likelihood import encoded, log_likelihoods


class Alternatives(NamedTuple):
    """One example as a model reads it."""

    texts: tuple[tuple[str, str], ...]
    """A context and its continuation for each choice."""
    scored: tuple[str, ...]
    """The continuations without what joins them to their contexts."""
    right: int


def alternatives(row: TaskRow) -> Alternatives:
    """The texts that a model is to compare."""
    if isinstance(row, MinimalPair):
        pair = (row.right, row.wrong)
        return Alternatives(tuple(("", one) for one in pair), pair, 0)
    assert isinstance(row, Choice)
    said = "\n".join(filter(None, (row.context, row.question)))
    scored = (said,) * len(row.choices) if row.leads else row.choices
    contexts = row.choices if row.leads else (said,) * len(row.choices)
    texts = tuple((one, f" {text}") for one, text in zip(contexts, scored, strict=True))
    return Alternatives(texts, scored, row.right)


def score_choices(
    model: PreTrainedModel,
    family: Family,
    tokenizer: Tokenizer,
    rows: Sequence[TaskRow],
    max_length: int,
) -> Scores:
    """Accuracy of the likeliest choice, and of the likeliest for each character and each byte.

    These are lm-evaluation-harness' acc, acc_norm and acc_bytes. Of choices that score alike the
    first is taken.

    Args:
        model: A causal language model.
        family: The model's.
        tokenizer: The model's.
        rows: Choices or minimal pairs.
        max_length: Tokens that the model reads at once.

    Raises:
        UserError: One choice is longer: what of it is left would be likelier than the whole.
    """
    examples = [alternatives(row) for row in rows]
    texts: list[Encoded] = []
    for row, one in zip(rows, examples, strict=True):
        own = [encoded(tokenizer, *text) for text in one.texts]
        _refuse_long(row, one, own, max_length)
        texts += own
    scores = iter(log_likelihoods(model.eval(), family, texts, max_length))
    right: dict[str, list[float]] = {name: [] for name in LIKELIHOOD}
    predictions: list[dict[str, Any]] = []
    for one in examples:
        said = np.array([next(scores) for _ in one.texts])
        characters = np.array([len(text) for text in one.scored])
        in_bytes = np.array([len(text.encode()) for text in one.scored])
        best = [int((said / per).argmax()) for per in (1, characters, in_bytes)]
        for name, number in zip(LIKELIHOOD, best, strict=True):
            right[name].append(float(number == one.right))
        predictions.append(
            {
                "label": str(one.right),
                "prediction": str(best[0]),
                "logLikelihoods": [round(float(score), 4) for score in said],
            }
        )
    given = [one["prediction"] for one in predictions]
    whole = [{"input_ids": [*context, *continuation]} for context, continuation in texts]
    return Scores(
        per_example=right,
        totals={name: float(np.mean(values)) for name, values in right.items()},
        predictions=predictions,
        unknown_rate=unknown_rate(whole, tokenizer),
        constant=constant_of(given, [one.right for one in examples]),
        tokens=sum(len(one["input_ids"]) for one in whole),
    )


def _refuse_long(
    row: TaskRow, said: Alternatives, texts: Sequence[Encoded], max_length: int
) -> None:
    """Refuse a text that cannot be scored whole, as lm-evaluation-harness does."""
    for i, (scored, text) in enumerate(zip(said.scored, texts, strict=True)):
        if (tokens := len(text.continuation)) <= max_length:
            continue
        if isinstance(row, Choice):
            which, place = "the context" if row.leads else f"choice {i + 1}", row.place
        else:
            assert isinstance(row, MinimalPair)
            which, place = f"the {('right', 'wrong')[i]} sentence", row.place
        raise UserError(
            f"{which} ({scored[:40]!r}) has {tokens} tokens, more than the {max_length} that are "
            "read at once, and what is left of it would seem likelier: raise maxLength, or leave "
            "the row out",
            where=place or "spec.tasks[].test",
        )
