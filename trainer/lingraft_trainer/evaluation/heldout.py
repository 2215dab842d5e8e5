"""Held-out text through the full model: what was learned, beside where it began.

Bits per byte can be compared between vocabularies. The learned embeddings stand between their own
start (no update done) and what the untouched base makes of the same text in its own tokens.
"""

from typing import Any

from lingraft.params import GraftParams
from lingraft_trainer.context import StageContext
from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.embeddings.start import Start
from lingraft_trainer.models.checkpoint import LoadedModel
from lingraft_trainer.models.grafted import Graft
from lingraft_trainer.tokenization.base import load_base_tokenizer
from lingraft_trainer.training.mlm import heldout_score

IN_OWN_TOKENS = "heldout_base"
"""Folder of a corpus with its held-out text as the base's own tokenizer cuts it."""


def score_heldout(
    ctx: StageContext, loaded: LoadedModel, graft: Graft, params: GraftParams
) -> dict[str, Any]:
    """Score the base, the start and the graft; leaves the graft in the model, on the CPU.

    Of a snapshot, the graft alone: the others are the whole run's.
    """
    family, model = loaded.family, loaded.model
    placed: Any = model
    corpus = ctx.inputs["corpus"]
    found: dict[str, Any] = {"start": None, "untouched": None}

    def score(text: PackedText) -> dict[str, Any]:
        where = "spec.embeddings.learningRate"
        return heldout_score(placed.to(ctx.device).eval(), family, text, where=where).to_json()

    text = PackedText(corpus / "heldout")
    if params.snapshot is None:
        own = corpus / IN_OWN_TOKENS
        if own.is_dir():
            found["untouched"] = score(PackedText(own))
        Start(params.init, params.calibrate, params.seed).into(
            model.cpu(),
            family,
            load_base_tokenizer(ctx.inputs["base"]),
            graft.tokenizer,
            PackedText(corpus / "train"),
            ctx.device,
        )
        found["start"] = score(text)
    graft.into(model.cpu(), family)
    found |= score(text)
    model.cpu()
    return found
