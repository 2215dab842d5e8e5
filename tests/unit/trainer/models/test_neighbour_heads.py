"""The first layer's heads look where they are meant to."""

import torch
from transformers import AutoConfig, AutoModelForMaskedLM

from lingraft.families import family_of
from lingraft_trainer.models.neighbour_heads import OFFSETS, start_with_neighbour_heads


def test_each_head_prefers_its_neighbour():
    config = AutoConfig.for_model(
        "roberta-prelayernorm",
        vocab_size=200,
        num_hidden_layers=2,
        hidden_size=128,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=34,
        initializer_range=0.08,
        pad_token_id=1,
    )
    torch.manual_seed(0)
    model = AutoModelForMaskedLM.from_config(config, attn_implementation="eager").eval()
    start_with_neighbour_heads(model, family_of("roberta-prelayernorm"), pad_id=1)
    ids = torch.randint(2, 200, (8, 32))
    attention = model.base_model(ids, output_attentions=True).attentions[0].mean(0)  # [h, S, S]
    for head, offset in enumerate(OFFSETS):
        found = attention[head, 4:28].argmax(-1) - torch.arange(4, 28)
        assert (found == offset).float().mean() > 0.8
