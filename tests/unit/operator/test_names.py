import re
from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from lingraft.stage import Stage, StageKind
from lingraft_operator.names import rayjob_name

FEW = settings(max_examples=100)

values = st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=2)
stages = st.builds(
    Stage, kind=st.sampled_from(get_args(StageKind)), params=values, inputs=st.just({})
)
stores = st.sampled_from(["s3://a/", "s3://a/b/", "s3://b/"])
some_secrets = st.sampled_from([None, "None", "s3", "s3-credentials"])


@FEW
@given(stages, stores, some_secrets)
def test_names_are_what_kuberay_takes(stage: Stage, store: str, secret: str | None) -> None:
    name = rayjob_name(stage, store, secret)
    assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name)
    # KubeRay's own bound is 47; our own holders add 9 and are label values of at most 63.
    assert len(name) <= 25


@FEW
@given(st.tuples(stages, stores, some_secrets), st.tuples(stages, stores, some_secrets))
def test_names_agree_where_stage_store_and_secret_do(
    one: tuple[Stage, str, str | None], other: tuple[Stage, str, str | None]
) -> None:
    same = (one[0].ref, *one[1:]) == (other[0].ref, *other[1:])
    assert (rayjob_name(*one) == rayjob_name(*other)) is same


def test_a_store_is_the_same_with_and_without_its_slash() -> None:
    stage = Stage(kind="mini", params={}, inputs={})
    assert rayjob_name(stage, "s3://a/b", None) == rayjob_name(stage, "s3://a/b/", None)
