"""The contract's list of families and the trainer's are one."""

from typing import get_args

from lingraft.resource.steps import ModelType
from lingraft_trainer.models.registry import FAMILIES


def test_every_family_of_the_contract_is_implemented_and_no_other():
    assert set(FAMILIES) == set(get_args(ModelType))
