"""New tokens as mixtures of shared ones: weights by their definition, rows by a toy world."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.embeddings import focus
from lingraft_trainer.embeddings.init import initial_embeddings
from tests.support.tiny import pack, tiny_tokenizer

TOPICS = {"sea": "mer", "tree": "arbre", "house": "maison"}
"""Words that both vocabularies have, each with a new word of the same contexts."""
COMPANY = {word: [f"{word}{i}" for i in range(6)] for word in TOPICS}
SOURCE = tiny_tokenizer("bert", ["the", *TOPICS, "lonely"])
TARGET = tiny_tokenizer(
    "roberta",
    [*TOPICS, *TOPICS.values(), *itertools.chain(*COMPANY.values()), "lonely", "rare"],
)


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> PackedText:
    """Documents of one topic each; `rare` is there once, `lonely` (a shared word) never."""
    folder: Path = tmp_path_factory.mktemp("text")
    rng = np.random.default_rng(3)
    documents = ["rare"]
    for _ in range(100):
        for word, new in TOPICS.items():
            here = rng.choice([word, new, *COMPANY[word], *COMPANY[word]], 20)
            documents.append(" ".join(here))
    pack(TARGET, documents, folder)
    return PackedText(folder)


def rows_of(text: PackedText, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, int]:
    torch.manual_seed(1)
    source_VH = torch.randn(len(SOURCE), 8) * 0.3 + 2.0
    found, taken = initial_embeddings("focus", source_VH, SOURCE, TARGET, seed=seed, text=text)
    return source_VH, found, taken


def ids(*words: str) -> list[int]:
    return [TARGET.get_vocab()[word] for word in words]


def test_shared_tokens_take_their_source_row(text: PackedText) -> None:
    rows, found, _ = rows_of(text)
    for word in (*TOPICS, "lonely"):  # what the text never says is copied too
        assert torch.equal(found[ids(word)[0]], rows[SOURCE.convert_tokens_to_ids(word)]), word


def test_a_new_token_starts_as_the_shared_one_of_its_contexts(text: PackedText) -> None:
    rows, found, taken = rows_of(text)
    assert taken == len(TARGET) - 5 - 1, "all but the special tokens and `rare`"
    for word, new in TOPICS.items():
        own = rows[SOURCE.convert_tokens_to_ids(word)]
        others = rows[SOURCE.convert_tokens_to_ids([w for w in TOPICS if w != word])]
        for number in ids(new, *COMPANY[word]):
            away = (found[number] - own).norm()
            assert away < 0.2 * (others - own).norm(dim=1).min(), TARGET.decode([number])


def test_a_token_too_rare_to_judge_is_drawn(text: PackedText) -> None:
    (rare,) = ids("rare")
    drawn = initial_embeddings("random", rows_of(text)[0], SOURCE, TARGET, seed=0)[0]
    assert torch.equal(rows_of(text)[1][rare], drawn[rare])
    assert not torch.equal(rows_of(text, seed=1)[1][rare], drawn[rare])


def test_the_same_seed_gives_the_same_bytes(text: PackedText) -> None:
    first = rows_of(text)[1]
    torch.manual_seed(99)
    assert torch.equal(first, rows_of(text)[1])


def test_without_a_shared_token_in_the_text_nothing_is_mixed(text: PackedText) -> None:
    stranger = tiny_tokenizer("bert", ["the", "lonely"])
    rows = torch.randn(len(stranger), 8)
    found, taken = initial_embeddings("focus", rows, stranger, TARGET, seed=0, text=text)
    assert taken == 1 and found.isfinite().all()


def test_chunks_change_nothing(text: PackedText, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = rows_of(text)[1]
    monkeypatch.setattr(focus, "CHUNK", 1)
    torch.testing.assert_close(rows_of(text)[1], whole)


scores = st.integers(1, 40).flatmap(
    lambda size: st.lists(
        st.lists(st.floats(-4, 4, width=32), min_size=size, max_size=size), min_size=1, max_size=5
    )
)


@settings(max_examples=200)
@given(scores)
def test_sparsemax_is_the_nearest_point_of_the_simplex(scores: list[list[float]]) -> None:
    z = torch.tensor(scores)
    p = focus.sparsemax(z)
    assert (p >= 0).all()
    torch.testing.assert_close(p.sum(dim=1), torch.ones(len(z)))
    # Nearest of a convex set: from p, no corner lies in the direction of z.
    towards = z - p
    assert (towards - (towards * p).sum(dim=1, keepdim=True)).max() < 1e-5


def test_sparsemax_of_cases_done_by_hand() -> None:
    z = torch.tensor([[0.5, 0.5, -1.0], [2.0, 0.0, 0.9], [0.6, 0.2, -0.4]])
    expected = torch.tensor([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0], [0.7, 0.3, 0.0]])
    torch.testing.assert_close(focus.sparsemax(z), expected)
