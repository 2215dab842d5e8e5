"""Masked-LM batches: pieces packed into one row are as good as pieces in rows of their own."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lingraft.families import family_of
from lingraft.params import LmTraining
from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.models.seen import body_output
from lingraft_trainer.training.lm import Heldout, LmObjective, heldout_score
from lingraft_trainer.training.lm_data import LmBatch, LmData, batch_of
from lingraft_trainer.training.targets import Targets
from tests.support.tiny import (
    LENGTH,
    MASKED_TYPES,
    SOURCE_WORDS,
    pad_of,
    tiny_corpus,
    tiny_model,
    training,
)


def pieces(*lengths: int) -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [rng.integers(5, 25, length) for length in lengths]


def batch(rows: list[list[np.ndarray]], model_type: str) -> LmBatch:
    """Every third token of a piece is masked, wherever the piece lies."""
    pad = pad_of(model_type)
    tokens = np.full((len(rows), LENGTH), pad, dtype=np.int64)
    segments = np.zeros((len(rows), LENGTH), dtype=np.uint8)
    chosen = np.zeros((len(rows), LENGTH), dtype=bool)
    for row, parts in enumerate(rows):
        at = 0
        for number, part in enumerate(parts, start=1):
            here = slice(at, at + len(part))
            tokens[row, here], segments[row, here] = part, number
            chosen[row, here] = np.arange(len(part)) % 3 == 1
            at += len(part)
    inputs = np.where(chosen, 4, tokens)
    return batch_of(Targets(inputs, tokens, chosen), segments, family_of(model_type), pad_id=pad)


@pytest.mark.parametrize("model_type", MASKED_TYPES)
def test_a_packed_row_has_the_loss_of_its_pieces_in_rows_of_their_own(model_type: str) -> None:
    model, family = tiny_model(model_type), family_of(model_type)
    objective = LmObjective(model, family).eval()
    parts = pieces(9, 14, 6)
    packed, apart = batch([parts], model_type), batch([[part] for part in parts], model_type)
    with torch.no_grad():
        together, separate = objective(packed), objective(apart)
        torch.testing.assert_close(together, separate, atol=1e-4, rtol=1e-5)
        # And each piece as transformers itself sees it, alone and without padding.
        plain = 0.0
        for part in parts:
            chosen = np.arange(len(part)) % 3 == 1
            labels = torch.from_numpy(np.where(chosen, part, -100))[None]
            ids = torch.from_numpy(np.where(chosen, 4, part))[None]
            plain += float(model(ids, labels=labels).loss) * int(chosen.sum())
    assert float(together) == pytest.approx(plain, abs=1e-3)


@pytest.mark.parametrize("model_type", MASKED_TYPES)
def test_other_pieces_of_the_row_change_nothing(model_type: str) -> None:
    model, family = tiny_model(model_type), family_of(model_type)
    first, second, other = pieces(12, 15, 15)
    hidden: list[torch.Tensor] = []
    for neighbour in (second, other):
        one = batch([[first, neighbour]], model_type)
        with torch.no_grad():
            out = body_output(model, family, one.input_ids, one.attention, one.position_ids)
        hidden.append(out.last_hidden_state[0])
    torch.testing.assert_close(hidden[0][:12], hidden[1][:12])
    assert not torch.allclose(hidden[0][12:27], hidden[1][12:27])


def test_positions_restart_with_every_piece_and_padding_has_its_own() -> None:
    parts = pieces(3, 4)
    for model_type, first, padding in (("bert", 0, 0), ("roberta", 2, 1)):
        found = batch([parts], model_type).position_ids[0].tolist()
        assert found[:7] == [first + i for i in (0, 1, 2, 0, 1, 2, 3)]
        assert set(found[7:]) == {padding}


def test_rows_that_are_one_piece_each_need_no_mask() -> None:
    assert batch([[part] for part in pieces(LENGTH, LENGTH)], "roberta").attention is None
    assert batch([[part] for part in pieces(LENGTH, LENGTH - 1)], "roberta").attention is not None


def test_unknown_text_costs_its_bytes(tmp_path: Path) -> None:
    """An unknown token is guessed at no cost: what it stands for was free once."""
    folder = tiny_corpus("roberta", SOURCE_WORDS, tmp_path) / "heldout"
    model = tiny_model("roberta", vocabulary=PackedText(folder).vocab_size).eval()

    def score() -> Heldout:
        return heldout_score(model, family_of("roberta"), PackedText(folder), where="")

    known = score()
    file = folder / "packed.json"
    content = json.loads(file.read_text())
    file.write_text(json.dumps(content | {"unknownBytes": content["bytes"] // 4}))
    unknown = score()
    assert known.unknown_rate == 0 and known.loss == unknown.loss
    assert unknown.unknown_rate == pytest.approx(0.25, abs=0.01)
    more = unknown.bits_per_byte - known.bits_per_byte
    assert more == pytest.approx(8 * unknown.unknown_rate)
    assert unknown.to_json()["unknownRate"] == unknown.unknown_rate


def data(folder: Path, *, rows: int, micro: int) -> LmData:
    corpus = tiny_corpus("roberta", SOURCE_WORDS, folder)
    params = LmTraining.model_validate(training(batchTokens=rows * LENGTH))
    text = PackedText(corpus / "train")
    return LmData(text, params, family_of("roberta"), micro_batch_tokens=micro * LENGTH)


def joined(parts: list[LmBatch]) -> dict[str, Any]:
    labels = torch.cat([part.labels for part in parts])
    return {
        "ids": torch.cat([part.input_ids for part in parts]),
        "positions": torch.cat([part.position_ids for part in parts]),
        "labels": labels,
    }


def test_shapes_are_few_for_libraries_prepare_each_anew(tmp_path: Path) -> None:
    whole = data(tmp_path, rows=11, micro=4)
    batches = [part for step in range(8) for part in whole(step, 0, 1).micro_batches]
    assert len({len(one.labels) for one in batches}) > 4
    for one in batches:
        assert (
            one.slots is not None
            and len(one.told) == len(one.slots.used) == -(-len(one.labels) // 16) * 16
        )
        assert (
            one.slots.flat[one.slots.used].tolist()[: len(one.labels)]
            == (one.told.tolist()[: len(one.labels)])
        )
        assert len(one.slots.flat) % (16 * one.rows) == 0


@pytest.mark.parametrize("world", [1, 2, 3, 7])
@pytest.mark.parametrize("micro", [1, 3, 100])
def test_the_workers_shares_make_up_the_whole_batch(world: int, micro: int, tmp_path: Path) -> None:
    whole = data(tmp_path, rows=11, micro=1000)
    shared = data(tmp_path / "again", rows=11, micro=micro)
    for step in (0, 5):
        one = whole(step, 0, 1)
        shares = [shared(step, rank, world) for rank in range(world)]
        assert {(s.count, s.tokens) for s in shares} == {(one.count, one.tokens)}
        found = joined([part for share in shares for part in share.micro_batches])
        expected = joined(one.micro_batches)
        assert all(torch.equal(found[name], expected[name]) for name in expected)
        assert len(expected["labels"]) == one.count
        starts = np.cumsum([0, *(sum(p.rows for p in s.micro_batches) for s in shares)])
        assert [share.first_sample for share in shares] == starts[:-1].tolist()
        assert all(part.rows <= micro for share in shares for part in share.micro_batches)
