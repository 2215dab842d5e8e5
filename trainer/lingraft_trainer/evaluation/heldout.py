"""Held-out text through the full model: what was learned, beside where it began.

Bits per byte can be compared between vocabularies. The learned embeddings stand between their own
start (no update done) and what the untouched base makes of the same text in its own tokens.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lingraft.params import GraftParams
from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.embeddings.start import Start, source_text
from lingraft_trainer.machine.device import roomy
from lingraft_trainer.models.attention import with_quick_layers
from lingraft_trainer.models.checkpoint import LoadedModel
from lingraft_trainer.models.grafted import Graft
from lingraft_trainer.running.context import StageContext
from lingraft_trainer.tokenization.base import load_base_tokenizer
from lingraft_trainer.training.lm import heldout_score
from lingraft_trainer.training.precision import choose

IN_OWN_TOKENS = "heldout_base"
"""Folder of a corpus with its held-out text as the base's own tokenizer cuts it."""


def score_heldout(
    ctx: StageContext,
    loaded: LoadedModel,
    graft: Graft,
    params: GraftParams,
    between: Mapping[int, Path],
) -> dict[str, Any]:
    """Score the base, the start and the graft; leaves the graft in the model, on the CPU.

    A causal base is scored in the precision that training takes here: an fp32 pass of a decoder is
    most of an evaluation. A masked one is scored in fp32.

    Of a snapshot, the graft alone: the others are the whole run's.

    Args:
        ctx: The stage's.
        loaded: The base.
        graft: What is scored last.
        params: The stage's.
        between: What was learned after some of the updates, which is scored too, by them.
    """
    family, model = loaded.family, with_quick_layers(loaded.model)
    placed: Any = model
    precision = choose(ctx.execution.precision, ctx.device, model.config.hidden_size)
    ctx.environment["precision"] = precision
    corpus = ctx.inputs["corpus"]
    found: dict[str, Any] = {"start": None, "untouched": None}

    def score(text: PackedText) -> dict[str, Any]:
        placed.to(roomy(ctx.device, model)).eval()
        where = "spec.embeddings.learningRate"
        scored = precision if family.causal else "fp32"
        return heldout_score(model, family, text, where=where, precision=scored).to_json()

    text = PackedText(corpus / "heldout")
    if params.snapshot is None:
        own = corpus / IN_OWN_TOKENS
        if own.is_dir():
            found["untouched"] = score(PackedText(own))
        Start(params.init, params.calibrate, params.seed, keeps=family.causal).into(
            model.cpu(),
            family,
            load_base_tokenizer(ctx.inputs["base"]),
            graft.tokenizer,
            PackedText(corpus / "train"),
            roomy(ctx.device, model),
            precision,
            source_text(ctx),
        )
        found["start"] = score(text)
        points: list[dict[str, Any]] = []
        for step, learned in between.items():
            Graft(learned, graft.tokenizer, graft.dtype).into(model.cpu(), family)
            points.append({"step": step} | score(text))
        if points:
            found["between"] = points
    graft.into(model.cpu(), family)
    found |= score(text)
    model.cpu()
    return found
