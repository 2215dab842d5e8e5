"""The families are one list, told by data alone."""

from typing import get_args

import pytest

from lingraft.errors import UserError
from lingraft.families import FAMILIES, family_of
from lingraft.resource.steps import ModelType


def test_those_that_are_pretrained_from_text_are_the_resources() -> None:
    assert {name for name, one in FAMILIES.items() if one.pretrained} == set(get_args(ModelType))


def test_a_family_that_is_not_known_is_refused_with_those_that_are() -> None:
    with pytest.raises(UserError, match=r"'gpt2' is not supported; give .* bert, .*roberta") as one:
        family_of("gpt2")
    assert one.value.where == "spec.base.uri"


@pytest.mark.parametrize("model_type", FAMILIES)
def test_names_are_a_masked_lms_own(model_type: str) -> None:
    family = FAMILIES[model_type]
    assert family.layers.startswith(family.body) and family.layers.endswith(".")
    assert family.layer_of(f"{family.layers}11.x") == 11
    assert family.layer_of(f"{family.layers}3.x".removeprefix(family.body)) == 3
    assert family.layer_of(f"{family.body}embeddings.x") == -1
    assert not family.of_head(f"{family.head.decoder}.weight")
    assert family.of_head(f"{family.head.decoder}.bias") == (family.head.bias is None)


def test_positions_are_counted_from_the_padding_id_where_a_family_does() -> None:
    assert family_of("roberta").first_position(1) == 2
    assert family_of("bert").first_position(5) == family_of("modernbert").first_position(5) == 0
