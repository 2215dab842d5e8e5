"""RoBERTa with LayerNorm before each sub-layer, and one more after the last layer.

That final LayerNorm belongs to a head: a mini-model of k layers needs its own, because the
scale of the residual stream at layer k is not that at the top.
"""

from lingraft_trainer.models.family import Family
from lingraft_trainer.models.roberta import transform

ROBERTA_PRELAYERNORM = Family(
    model_type="roberta-prelayernorm",
    layers="roberta_prelayernorm.encoder.layer.",
    head=("lm_head.", "roberta_prelayernorm.LayerNorm."),
    transform=transform,
    predictions=lambda model: model.lm_head,
    final_norm=lambda model, hidden: model.base_model.LayerNorm(hidden),
    first_position=lambda pad_id: pad_id + 1,
    pre_norm=True,
)
