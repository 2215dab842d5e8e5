"""Right, or refused with a sentence: bases, tokenizers, layouts of data, precisions, end to end.

Every run of the tests takes the beginning of the matrix; `make matrix` takes the whole.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.packs.load import write_full
from lingraft_trainer.stages.embed import EMBEDDINGS
from tests.matrix.bases import BODIES
from tests.matrix.cells import AXES, Cell, cells
from tests.matrix.outcomes import Refusal
from tests.matrix.precision import WRITTEN
from tests.matrix.refused_bases import BAD_BASES
from tests.matrix.refused_data import BAD_CORPORA, BAD_TASKS, BAD_TOKENIZERS
from tests.matrix.right_model import check_tensors, heldout_loss, loaded
from tests.matrix.right_scores import check_corpus, check_scores
from tests.matrix.right_tokenizer import check_tokenizer
from tests.matrix.vocabularies import VOCABULARIES
from tests.matrix.world import World

WHOLE = os.environ.get("MATRIX") == "whole"
METHODS = AXES["method"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """One world for all cells, which share what their plans share."""
    folder = tmp_path_factory.mktemp("matrix")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LINGRAFT_CACHE", str(folder / "cache"))
        yield World(folder)


@pytest.mark.parametrize("cell", cells(whole=WHOLE), ids=str)
def test_right(cell: Cell, world: World, tmp_path: Path) -> None:
    plan = world.plan(cell)
    manifests = world.run(cell, plan)
    base, task = world.base(cell.base, cell.precision), world.task(cell.task)
    files, _ = world.tokenizer(cell.tokenizer, base)
    graft, corpus = (world.result(manifests[name]) for name in ("graft", "corpus"))
    learned = world.result(manifests["embed"]) / EMBEDDINGS

    head = cell.base not in BODIES
    folder = tmp_path / "model"
    write_full(base, graft / "pack", folder)
    model = loaded(folder, head=head)
    rows = model.get_input_embeddings().num_embeddings
    check_tensors(base, folder, learned, WRITTEN[cell.precision])
    kind = VOCABULARIES[cell.tokenizer]
    tokenizer = check_tokenizer(folder, base, files, kind, rows)
    assert model.config.pad_token_id == tokenizer.pad_token_id
    check_corpus(manifests["corpus"])
    tuned = manifests.get("finetune-task-0")
    if tuned is not None:
        write_full(world.result(tuned), graft / "pack", tmp_path / "task")
    check_scores(manifests["graft"], graft, tmp_path / "task", task)
    heldout = manifests["graft"].metrics["heldout"]
    assert (heldout is not None) == head
    if head:
        again = heldout_loss(model, PackedText(corpus / "heldout"))
        assert heldout["maskedLmLoss"] == pytest.approx(again, rel=1e-4)


BAD = [
    *((Cell(base=name), bad.refusal) for name, bad in BAD_BASES.items()),
    *((Cell(tokenizer=name), bad.refusal) for name, bad in BAD_TOKENIZERS.items()),
    *((Cell(corpus=name), bad.refusal) for name, bad in BAD_CORPORA.items()),
    *((Cell(task=name), bad.refusal) for name, bad in BAD_TASKS.items()),
]
WITHOUT_HEAD = Refusal("no masked-LM head", "spec.base.uri")
REFUSED = [
    (replace(cell, method=method), refusal)
    for i, (cell, refusal) in enumerate(BAD)
    for j, method in enumerate(METHODS)
    if WHOLE or j == i % len(METHODS)
] + [(Cell(base=body, method=m), WITHOUT_HEAD) for body in BODIES for m in METHODS[:2]]


@pytest.mark.parametrize(("cell", "refusal"), REFUSED, ids=str)
def test_refused(cell: Cell, refusal: Refusal, world: World) -> None:
    found = world.refusal(cell)
    assert found is not None, "it is not refused"
    error, when = found
    assert refusal.says in str(error) and refusal.where in str(error), error
    assert error.where and "\n" not in str(error), error
    assert when == refusal.when, error
