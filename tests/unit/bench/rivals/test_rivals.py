"""The rival distillation: shared stretches, what attention brings to them, and learning it."""

from collections.abc import Callable
from itertools import accumulate
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.rivals.distil import Settings, bottom_layers, distil, flops_of
from bench.rivals.influence import attention_outputs, batch_of, influence_loss, segment_means
from bench.rivals.segments import Read, read_by_both, segments_of
from lingraft.architecture import shape_of_config
from lingraft.families import family_of
from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.models.family import embeddings, encoder_layers
from lingraft_trainer.stages.embed import train_embeddings_only
from tests.support.bases import BASES
from tests.support.tiny import TARGET_WORDS, pack, tiny_model, tiny_tokenizer

FAMILY = family_of("roberta")
LENGTHS = st.lists(st.integers(1, 4), min_size=1, max_size=12)


def test_a_stretch_ends_where_tokens_of_both_end() -> None:
    assert segments_of([2, 5, 7, 9], [1, 2, 7, 9]) == [0, 1, 1, 2]
    assert segments_of([1, 2, 7, 9], [2, 5, 7, 9]) == [0, 0, 1, 2]


@given(LENGTHS, LENGTHS)
def test_a_stretch_is_the_same_text_for_both(one: list[int], other: list[int]) -> None:
    ends, others = [*accumulate(one)], [*accumulate(other)]
    mine, theirs = segments_of(ends, others), segments_of(others, ends)
    last = dict(zip(mine, ends, strict=True))
    last_of_other = dict(zip(theirs, others, strict=True))
    whole = len({*ends} & {*others})
    assert [last[n] for n in range(whole)] == [last_of_other[n] for n in range(whole)]
    assert mine == sorted(mine)


@pytest.mark.parametrize("name", ["roberta", "xlm-roberta"])
def test_two_real_tokenizers_read_one_text(name: str) -> None:
    one, other = BASES["bert"](), BASES[name]()
    text = "habari ya asubuhi nyumba kubwa"
    long, short = read_by_both(text, one, other, 64)
    assert long.segments[-1] == short.segments[-1] >= 4  # words, at least
    assert set(long.segments) == set(short.segments)
    cut = read_by_both(text, one, other, 12)
    assert all(len(read.ids) <= 12 for read in cut)
    assert set(cut[0].segments) == set(cut[1].segments) == {*range(max(cut[0].segments) + 1)}


def test_means_are_of_the_stretch_alone() -> None:
    states = torch.tensor([[[9.0], [1.0], [3.0], [5.0], [9.0]]])
    segments = torch.tensor([[-1, 0, 0, 1, -1]])
    assert segment_means(states, segments, 3).flatten().tolist() == [2.0, 5.0, 0.0]


def test_a_batch_is_framed_and_padded() -> None:
    ids, mask, segments = batch_of([Read([7, 8], [0, 1]), Read([9], [0])], 0, 2, 1)
    assert ids.tolist() == [[0, 7, 8, 2], [0, 9, 2, 1]]
    assert mask.tolist() == [[1, 1, 1, 1], [1, 1, 1, 0]]
    assert segments.tolist() == [[-1, 0, 1, -1], [-1, 0, -1, -1]]


def test_the_loss_is_nought_for_the_teacher_and_one_for_silence() -> None:
    outputs = [torch.randn(2, 5, 4) for _ in range(2)]
    segments = torch.tensor([[-1, 0, 0, 1, -1], [-1, 0, 1, 2, -1]])
    assert influence_loss(outputs, outputs, segments, segments).item() == 0
    silent = [torch.zeros_like(one) for one in outputs]
    assert influence_loss(silent, outputs, segments, segments).item() == pytest.approx(1)


def test_what_is_caught_is_what_attention_gives() -> None:
    model = tiny_model("roberta")
    with bottom_layers(model, FAMILY, 2) as layers:
        assert len(encoder_layers(model, FAMILY)) == 2
        with attention_outputs(layers) as found:
            model.base_model(torch.tensor([[0, 5, 6, 2]]))
    assert [tuple(one.shape) for one in found] == [(1, 4, 16)] * 2
    assert len(encoder_layers(model, FAMILY)) == 4


@pytest.fixture
def pair(tmp_path: Path) -> Callable[[float], tuple[list[tuple[float, float]], torch.Tensor]]:
    """A student whose embeddings are the teacher's, shaken: (curve, distance left)."""
    tokenizer = tiny_tokenizer("roberta", TARGET_WORDS)
    pack(tokenizer, [" ".join(TARGET_WORDS[i:] + TARGET_WORDS[:i]) for i in range(12)], tmp_path)
    text = PackedText(tmp_path)

    def run(flops: float) -> tuple[list[tuple[float, float]], torch.Tensor]:
        teacher, student = (tiny_model("roberta", vocabulary=len(tokenizer)) for _ in range(2))
        own = embeddings(student)
        own.weight.data += 0.3 * torch.randn(own.weight.shape)
        train_embeddings_only(student)
        before = {n: p.clone() for n, p in student.named_parameters() if not p.requires_grad}
        shape = shape_of_config(teacher.config.to_dict(), where="teacher")
        settings = Settings(flops=flops, rate=1e-2, rows=4, layers=2, seed=0)
        both = (tokenizer, tokenizer)
        curve = distil(teacher, student, FAMILY, shape, both, text, settings)
        for name, value in before.items():
            torch.testing.assert_close(student.get_parameter(name), value, rtol=0, atol=0)
        return curve, own.weight

    return run


def test_distillation_learns_what_the_teacher_does(
    pair: Callable[[float], tuple[list, object]],
) -> None:
    curve, _ = pair(6e8)
    assert curve[-1][1] < 0.5 * curve[0][1]


def test_it_ends_when_its_flops_are_spent(pair: Callable[[float], tuple[list, object]]) -> None:
    curve, _ = pair(5e7)
    spent = [flops for flops, _ in curve]
    assert spent[-1] >= 5e7 > spent[-2]


def test_flops_count_the_teacher_forward_and_the_student_both_ways() -> None:
    shape = shape_of_config(tiny_model("roberta").config.to_dict(), where="here")
    some, none = [Read([5] * 10, [0] * 10)], [Read([], [])]
    teacher = flops_of(shape, 2, (some, none)) - flops_of(shape, 2, (none, none))
    student = flops_of(shape, 2, (none, some)) - flops_of(shape, 2, (none, none))
    assert 2 < student / teacher < 3  # twice, and attention's products once more
