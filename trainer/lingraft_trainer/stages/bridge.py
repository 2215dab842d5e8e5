"""Fits a mini-model's bridge: ridge regression on source text, in closed form.

Of masked text read by the whole base: what the layers between the mini-model's lower and upper ones
add to each state, told from the state below them.
"""

import numpy as np
import torch
from torch import Tensor

from lingraft.errors import UserError
from lingraft.params import Bridge as BridgeParams
from lingraft.stage import Progress
from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.models.bridge import Bridge
from lingraft_trainer.models.checkpoint import LoadedModel
from lingraft_trainer.models.seen import states_before
from lingraft_trainer.running.context import StageContext
from lingraft_trainer.training.lm_data import batch_of, parts_of
from lingraft_trainer.training.masking import rows_of_step
from lingraft_trainer.training.targets import targets_of

RIDGE = 1e-4
"""Weight of the map's own size, over the mean square of what it is told from."""
ROWS = 32
"""Rows of one draw of masks."""


@torch.no_grad()
def fit_bridge(
    ctx: StageContext,
    base: LoadedModel,
    text: PackedText,
    params: BridgeParams,
    below: int,
    above: int,
) -> Bridge:
    """The bridge from below layer `below` to below layer `above` of a base, numbered from 0.

    Args:
        ctx: Hears how far it is.
        base: The whole base, where it is to run.
        text: Source text in its tokens.
        params: How much of it.
        below: The first layer left out.
        above: The first layer behind them.

    Raises:
        UserError: The text is too short to tell as many numbers.
    """
    model, family = base.model.eval(), base.family
    size = int(model.config.hidden_size)
    wanted = -(-params.tokens // text.sequence_length)
    rows = rows_of_step(0, seed=0, batch=min(wanted, text.rows), rows=text.rows)
    moments = torch.zeros(size + 1, size + 1, dtype=torch.float64, device=model.device)
    mixed = torch.zeros(size + 1, size, dtype=torch.float64, device=model.device)
    seen = 0
    parts = np.array_split(rows, -(-len(rows) // ROWS))
    for number, part in enumerate(parts):
        tokens, segments = text.take(part)
        share = params.mask_probability
        targets = targets_of(tokens, segments, text, share, seed=0, step=number)
        for some in parts_of(len(part), text.sequence_length, model.device):
            batch = batch_of(targets.of(some), segments[some], family, pad_id=text.pad_id)
            low, high = states_before(model, family, batch.to(model.device), (below, above))
            real = torch.from_numpy(segments[some] > 0).to(model.device)
            more, with_it = _moments(low[real].double(), high[real].double())
            moments += more
            mixed += with_it
            seen += int(real.sum())
        ctx.report(Progress(step=number + 1, steps=len(parts), phase="fitting the bridge"))
    if seen < 4 * size:
        raise UserError(
            f"{seen:,} tokens are too few to fit a bridge of {size} by {size} on: give more text, "
            "or leave it out",
            where="spec.mini.text",
        )
    return _solved(moments, mixed, below)


def _moments(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """[H+1, H+1] and [H+1, H] of N states, each counted by its length above.

    A few states are far longer than the others (those of a row's first tokens, in many models) and
    would be all that counts.
    """
    low = torch.cat([low, low.new_ones(len(low), 1)], dim=1)
    shares = 1 / high.square().sum(dim=1, keepdim=True).clamp_min(1e-12)
    weighted = low * shares
    return low.T @ weighted, weighted.T @ (high - low[:, :-1])


def _solved(moments: Tensor, mixed: Tensor, layers: int) -> Bridge:
    """The bridge of the least squares; no ridge on the bias."""
    ridge = RIDGE * moments.diagonal()[:-1].mean() * torch.eye(len(moments)).to(moments)
    ridge[-1, -1] = 0
    solution = torch.linalg.solve(moments + ridge, mixed).float().cpu()
    return Bridge(solution[:-1].T.contiguous(), solution[-1].contiguous(), layers)
