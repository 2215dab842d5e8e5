"""What is spent once, and after how many languages it pays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingraft.plan.costs import Costs, costs_of
from tests.support.specs import planned, spec_of

PRETRAIN = {"pretrain": {"text": {"uri": "file:///english"}}}
FLOPS = st.integers(0, 10**9).map(float)


def costs(once: float, here: float = 60.0, standard: float = 100.0) -> Costs:
    return Costs(
        method="MiniPost", step2=here, step2_standard=standard, once=once, once_for="step 1b"
    )


@given(FLOPS, FLOPS, FLOPS)
def test_it_pays_after_the_first_number_of_languages_that_is_no_dearer(
    once: float, here: float, standard: float
):
    number = costs(once, here, standard).languages_to_pay
    if here >= standard:
        assert number is None
        return
    assert number is not None
    assert once + number * here <= number * standard
    assert number == 0 or once + (number - 1) * here > (number - 1) * standard


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (costs(40.0), "costs 1.00x what Standard's does"),
        (costs(41.0), "1.0x what Standard's does: the one-time costs pay after 2 languages"),
        (costs(6400.0), "64.6x what Standard's does: the one-time costs pay after 160 lang"),
        (costs(0.0), "pays from the first step on"),
        (costs(1.0, here=100.0), "this never pays"),
    ],
)
def test_what_is_said_of_it(found: Costs, words: str):
    assert words in found.sentence


def test_minipost_pays_for_step_1b():
    plan = planned(spec_of("MiniPost"))
    found = costs_of(plan)
    assert (found.method, found.once, found.once_for) == (
        "MiniPost",
        plan["mini"].flops,
        "step 1b",
    )
    assert (found.step2, found.step2_standard) == (plan["embed"].flops, plan.embed_flops_standard)
    assert found.total == found.once + found.step2


def test_the_bases_own_top_costs_nothing_whatever_heads_it_has():
    mini = {"newLayersFrom": "Top", "steps": 0}
    joint = {"pretrain": PRETRAIN["pretrain"] | {"jointLayers": 4}}
    for base in ({"uri": "file:///base"}, joint):
        found = costs_of(planned(spec_of("MiniPost", base=base, mini=mini)))
        assert (found.method, found.once, found.languages_to_pay) == ("own layers", 0, 0)
        assert found.sentence == "nothing is spent beforehand, so it pays from the first step on"


def test_a_bridge_is_what_is_spent_once():
    text = {"text": {"uri": "file:///english"}}
    mini = {"newLayersFrom": "Top", "steps": 0} | text
    for spec in (spec_of("MiniPost", mini=mini), spec_of("Auto", mini=text)):
        plan = planned(spec)
        found = costs_of(plan)
        assert (found.once, found.once_for) == (plan["mini"].flops, "the mini-model's bridge")
        assert found.method == "own layers with a bridge", "not MiniPost: that is the paper's"


def test_minijoint_pays_for_the_second_head_of_a_base_that_is_pretrained_here():
    joint = planned(spec_of("MiniJoint", base=PRETRAIN))
    plain = planned(spec_of("MiniPost", base=PRETRAIN))
    found = costs_of(joint)
    more = joint["pretrain"].flops - plain["pretrain"].flops
    assert found.once == pytest.approx(more) and found.once_for == "pretraining's second head"
    assert costs_of(plain).once == plain["mini"].flops, "its base has no second head"


def test_what_others_paid_for_is_said_not_to_be_known():
    found = costs_of(planned(spec_of("MiniJoint")))
    assert found.once == 0 and "is not known here" in found.sentence


def test_standard_saves_and_spends_nothing():
    found = costs_of(planned(spec_of("Standard", base=PRETRAIN | {})))
    assert found.once == 0 and found.step2 == found.step2_standard
    assert "nothing is saved" in found.sentence
