"""RoBERTa and XLM-R: post-LN layers under `roberta`, positions after the padding id."""

from dataclasses import replace

from torch import Tensor
from torch.nn.functional import gelu
from transformers import PreTrainedModel

from lingraft_trainer.models.family import Family


def transform(model: PreTrainedModel, hidden: Tensor) -> Tensor:
    """RoBERTa's `lm_head` up to, not including, the decoder: [M, H] -> [M, H]."""
    head = model.lm_head
    return head.layer_norm(gelu(head.dense(hidden)))


ROBERTA = Family(
    model_type="roberta",
    layers="roberta.encoder.layer.",
    head=("lm_head.",),
    transform=transform,
    predictions=lambda model: model.lm_head,
    final_norm=lambda model, hidden: hidden,
    first_position=lambda pad_id: pad_id + 1,
)

XLM_ROBERTA = replace(ROBERTA, model_type="xlm-roberta")
