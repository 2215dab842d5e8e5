"""The mini-model is what the paper says it is: the bottom of its base under its own head."""

from typing import Any, cast

import pytest
import torch
from torch.nn.functional import linear

from lingraft.families import family_of
from lingraft_trainer.models.family import embeddings, final_norm, output, transform
from lingraft_trainer.models.mini import head_tensors, joint_view
from tests.support.tiny import MASKED_TYPES, tiny_model, truncated

IDS = torch.tensor([[2, 5, 9, 30, 3]])


@pytest.mark.parametrize("model_type", MASKED_TYPES)
def test_joint_mini_model_equals_the_first_k_layers_with_the_middle_head(model_type):
    model, family = tiny_model(model_type), family_of(model_type)
    view = joint_view(model, family, 2)
    head = {name: torch.randn_like(t) for name, t in head_tensors(view, family).items()}
    view.load_state_dict(head, strict=False)

    # By hand: the full model's own states after layer k, through the middle head.
    body = cast(Any, model.base_model)
    states = body(IDS, output_hidden_states=True).hidden_states[2]
    features = transform(view, family, final_norm(view, family, states))
    by_hand = linear(features, embeddings(model).weight, output(view).bias)

    mini = truncated(model, family, 2)
    mini.load_state_dict(head, strict=False)
    torch.testing.assert_close(mini.eval()(IDS).logits, by_hand)
    torch.testing.assert_close(view.eval()(IDS).logits, by_hand)


@pytest.mark.parametrize("model_type", MASKED_TYPES)
def test_joint_view_shares_the_body_and_owns_its_head(model_type):
    model, family = tiny_model(model_type), family_of(model_type)
    view = joint_view(model, family, 2)
    mine = {id(p) for p in model.parameters()}
    own = {name for name, p in view.named_parameters() if id(p) not in mine}
    assert own == set(head_tensors(view, family))
