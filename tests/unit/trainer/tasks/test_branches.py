"""A context that several texts have is read once, and each is as likely as if it were alone."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lingraft.families import family_of
from lingraft_trainer.tasks import likelihood
from lingraft_trainer.tasks.branches import Encoded, padded, rows_of_texts
from lingraft_trainer.tasks.likelihood import log_likelihoods
from tests.support.tiny import CAUSAL_TYPES, tiny_model

TOKENS = st.integers(5, 19)
TEXTS = st.lists(
    st.builds(
        Encoded,
        st.lists(TOKENS, min_size=1, max_size=12),
        st.lists(TOKENS, min_size=1, max_size=6),
    ),
    min_size=1,
    max_size=8,
)


@given(texts=TEXTS, max_length=st.integers(1, 16))
def test_every_token_of_each_text_is_told_once_from_what_stands_before_it(
    texts: list[Encoded], max_length: int
) -> None:
    rows = rows_of_texts(texts, max_length)
    told = {branch.text: (row, branch) for row in rows for branch in row.branches}
    assert sorted(told) == list(range(len(texts)))
    for number, (context, continuation) in enumerate(texts):
        row, branch = told[number]
        whole = [*context, *continuation][-max_length - 1 :]
        assert branch.labels == whole[-len(branch.labels) :]
        assert len(branch.labels) == min(len(whole) - 1, len(continuation))
        own = row.branches.index(branch) + 1
        seen = [i for i, piece in enumerate(row.pieces) if piece in (0, own)]
        assert [row.ids[i] for i in seen] == whole[:-1]
        assert [row.positions[i] for i in seen] == list(range(len(whole) - 1))
        assert branch.places == seen[len(seen) - len(branch.labels) :]
    contexts = [tuple(row.ids[: row.pieces.count(0)]) for row in rows]
    assert len(set(contexts)) == len(contexts), "each is read once"


@pytest.mark.parametrize("model_type", CAUSAL_TYPES)
def test_each_is_as_likely_as_alone(model_type: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a window, where there is one: a near token is near by its position, not its place."""
    model: Any = tiny_model(model_type, vocabulary=40)
    chosen = torch.Generator().manual_seed(0)

    def drawn(length: int) -> list[int]:
        return torch.randint(5, 40, (length,), generator=chosen).tolist()

    contexts = [drawn(14), drawn(3)]
    texts = [Encoded(contexts[i % 2], drawn(1 + 3 * i % 7)) for i in range(9)]
    family = family_of(model_type)
    together = log_likelihoods(model, family, texts, 32)
    assert len(rows_of_texts(texts, 32)) == 2
    alone = [log_likelihoods(model, family, [one], 32)[0] for one in texts]
    assert together == pytest.approx(alone, rel=1e-4)
    monkeypatch.setattr("lingraft_trainer.tasks.branches.SHARED_TOKENS", 16)
    assert len(rows_of_texts(texts, 32)) > 2
    assert log_likelihoods(model, family, texts, 32) == pytest.approx(alone, rel=1e-4)
    monkeypatch.setattr(likelihood, "CPU_MICRO_BATCH_TOKENS", 1)
    assert log_likelihoods(model, family, texts, 32) == pytest.approx(alone, rel=1e-4)


def test_texts_of_one_continuation_need_no_mask() -> None:
    texts = [Encoded([5, 6], [7]), Encoded([5], [6, 7])]
    assert padded(rows_of_texts(texts, 8), torch.device("cpu")).attention is None
    texts.append(Encoded([5], [8]))
    assert padded(rows_of_texts(texts, 8), torch.device("cpu")).attention is not None
