"""New tokens as mixtures of the base's of the same company in its own language: toy worlds."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.embeddings import aligned, cooccurrence
from lingraft_trainer.embeddings.aligned import aligned_rows
from lingraft_trainer.embeddings.init import initial_embeddings
from tests.support.tiny import pack, tiny_tokenizer


def turned(count: int, width: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Vectors of length one, and the same ones turned."""
    generator = torch.Generator().manual_seed(seed)
    vectors = torch.nn.functional.normalize(torch.randn(count, width, generator=generator), dim=1)
    turn, _ = torch.linalg.qr(torch.randn(width, width, generator=generator))
    return vectors @ turn, vectors


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 1000), chunk=st.sampled_from([1, 60 * 7, 1 << 24]))
def test_a_turned_space_is_laid_over_its_own(seed: int, chunk: int) -> None:
    new, known = turned(60, 8, seed)
    rows = torch.randn(60, 5)
    shared = torch.arange(12).repeat(2, 1).T
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aligned, "CHUNK", chunk)
        patch.setattr(aligned, "TEMPERATURE", 1e-4)  # the nearest alone
        found = aligned_rows(new, known, shared, rows)
    assert (found - rows).abs().amax(dim=1).median() < 1e-3


def test_a_few_false_friends_are_outvoted() -> None:
    new, known = turned(60, 8, 1)
    shared = torch.arange(24).repeat(2, 1).T.clone()
    shared[:4, 1] = torch.tensor([40, 41, 42, 43])
    rows = torch.eye(60)
    found = aligned_rows(new, known, shared, rows)
    assert (found.argmax(dim=1) == torch.arange(60)).float().mean() > 0.9


def test_rows_are_mixtures() -> None:
    new, known = turned(40, 8, 2)
    found = aligned_rows(new, known, torch.tensor([[0, 0]]), torch.eye(40))
    torch.testing.assert_close(found.sum(dim=1), torch.ones(40))
    assert (found >= 0).all() and ((found > 0).sum(dim=1) <= aligned.NEAREST).all()


WORDS = [f"w{i}" for i in range(120)]
SHARED = WORDS[:40]
NEW = [w if w in SHARED else f"n{w}" for w in WORDS]
SOURCE, TARGET = tiny_tokenizer("bert", WORDS), tiny_tokenizer("roberta", [*NEW, "rare"])


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> tuple[PackedText, PackedText]:
    """The same stories in two languages, in another order: of each topic a handful of words."""
    rng = np.random.default_rng(0)
    topics = [rng.choice(len(WORDS), 5, replace=False) for _ in range(300)]
    stories = [rng.choice(topics[i % 300], 24) for i in range(900)]
    folders: list[Path] = [tmp_path_factory.mktemp(name) for name in ("new", "source")]
    pack(TARGET, [*(" ".join(NEW[i] for i in one) for one in stories), "rare"], folders[0])
    pack(SOURCE, [" ".join(WORDS[i] for i in one) for one in reversed(stories)], folders[1])
    return PackedText(folders[0]), PackedText(folders[1])


def test_a_word_starts_near_its_translation(texts: tuple[PackedText, PackedText]) -> None:
    rows = torch.randn(len(SOURCE), 16, generator=torch.Generator().manual_seed(0))
    new, source = texts
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cooccurrence, "DIMENSIONS", 24)  # fewer than there are shared words
        found, taken = initial_embeddings(
            "aligned", rows, SOURCE, TARGET, seed=0, text=new, source_text=source
        )
    known, vocabulary = SOURCE.get_vocab(), TARGET.get_vocab()
    own = rows[[known[w] for w in WORDS]]
    made = found[[vocabulary[w] for w in NEW]]
    nearest = torch.cdist(made, own).argmin(dim=1)
    right = (nearest == torch.arange(len(WORDS))).float()
    assert right[len(SHARED) :].mean() > 0.8, "of words that no other word is spelled like"
    assert taken == len(WORDS)
    means, _ = initial_embeddings("mean", rows, SOURCE, TARGET, seed=0)
    assert torch.equal(found[vocabulary["rare"]], means[vocabulary["rare"]])
    assert torch.equal(found[vocabulary["<mask>"]], rows[known["[MASK]"]])


def test_without_a_shared_token_it_starts_as_the_means(
    texts: tuple[PackedText, PackedText], tmp_path: Path
) -> None:
    other = tiny_tokenizer("roberta", ["alone", "apart"])
    pack(other, ["alone apart " * 20] * 3, tmp_path)
    rows = torch.randn(len(SOURCE), 16)
    found = [
        initial_embeddings(
            kind, rows, SOURCE, other, seed=0, text=PackedText(tmp_path), source_text=texts[1]
        )[0]
        for kind in ("aligned", "mean")
    ]
    assert torch.equal(*found)
