"""What attention brings to each stretch of a text, the same for two vocabularies.

In the manner of MATT's attention influence modelling (Haltiuk and Smywinski-Pohl, arXiv
2510.21954): a teacher reads a text in its own tokens, a student of the same body in new ones, and
the student's embeddings learn to let attention bring to every stretch what it brings to it in the
teacher. Our own reading of the paper: a stretch's outputs are averaged, and a layer's differences
are counted in units of the teacher's own size there.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from bench.rivals.segments import Read


@contextmanager
def attention_outputs(layers: Sequence[nn.Module]) -> Iterator[list[Tensor]]:
    """Fills a list with each layer's attention output, [B, S, H], heads beside each other.

    Args:
        layers: BERT's kin: their `attention.self` is what attends.
    """
    found: list[Tensor] = []
    hooks = [
        layer.get_submodule("attention.self").register_forward_hook(
            lambda _, __, result: found.append(result[0])
        )
        for layer in layers
    ]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


def segment_means(states_BSH: Tensor, segments_BS: Tensor, count: int) -> Tensor:
    """Each stretch's mean state, [B, count, H]; 0 where it has no token.

    Args:
        states_BSH: Of the tokens.
        segments_BS: Each token's stretch; -1: none.
        count: Stretches of the longest row.
    """
    belongs_BSC = segments_BS[:, :, None] == torch.arange(count, device=segments_BS.device)
    share_BSC = belongs_BSC / belongs_BSC.sum(1, keepdim=True).clamp_min(1)
    return share_BSC.to(states_BSH).transpose(1, 2) @ states_BSH


def influence_loss(
    student: Sequence[Tensor],
    teacher: Sequence[Tensor],
    segments_student_BS: Tensor,
    segments_teacher_BS: Tensor,
) -> Tensor:
    """Mean over layers and stretches of the squared difference over the teacher's mean square."""
    count = int(segments_teacher_BS.max()) + 1
    real_BC = segment_means(torch.ones_like(teacher[0][:, :, :1]), segments_teacher_BS, count) > 0
    total = student[0].new_zeros(())
    for mine, theirs in zip(student, teacher, strict=True):
        wanted = segment_means(theirs, segments_teacher_BS, count)
        got = segment_means(mine, segments_student_BS, count)
        size = wanted.square().sum().clamp_min(1e-12)
        total = total + ((got - wanted) * real_BC).square().sum() / size
    return total / len(student)


def batch_of(
    reads: Sequence[Read], before: int, behind: int, pad: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Ids [B, S], the attention mask and each token's stretch; frame and padding have none, -1."""
    length = 2 + max(len(read.ids) for read in reads)
    ids = torch.full((len(reads), length), pad)
    segments = torch.full((len(reads), length), -1)
    for row, read in enumerate(reads):
        end = 1 + len(read.ids)
        ids[row, : end + 1] = torch.tensor([before, *read.ids, behind])
        segments[row, 1:end] = torch.tensor(read.segments)
    mask = torch.arange(length) < torch.tensor([[2 + len(read.ids)] for read in reads])
    return ids, mask.long(), segments
