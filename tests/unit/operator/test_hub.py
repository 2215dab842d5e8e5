"""Models of the Hub on a cluster: in the mirror that the chart names, or a sentence."""

from typing import Any

import pytest

from lingraft.errors import UserError
from lingraft.hub.mirror import VARIABLE
from lingraft.plan import readings
from lingraft.resource import LanguageAdaptationSpec
from lingraft_operator.config import Access
from lingraft_operator.planning.access import AccessDeniedError, check_access
from lingraft_operator.planning.spec import placed
from tests.support.operator.simulation import Simulation
from tests.support.operator.specs import spec

NAME = "FacebookAI/roberta-base"
KEY = ("a", "one")


def parsed(base: str = NAME, **changes: Any) -> LanguageAdaptationSpec:
    return LanguageAdaptationSpec.model_validate(spec(base={"uri": base}, **changes))


def test_what_the_mirror_has_is_named_by_its_uri(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "s3://models/hub/")
    one = placed(parsed(tokenizer={"uri": "hf://xlm-roberta-base@v1"}))
    uris = {field: reading.uri for reading, field in readings(one).items()}
    assert uris["spec.base.uri"] == f"s3://models/hub/{NAME}/"
    assert uris["spec.tokenizer.uri"] == "s3://models/hub/xlm-roberta-base@v1/"
    assert uris["spec.corpus.uri"] == "s3://corpora/sw/"
    plain = parsed("s3://models/base/")
    assert placed(plain) == plain


def test_the_mirror_is_held_against_the_rules_as_any_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, "s3://hub/")
    one = placed(parsed())
    rest = ("s3://corpora/", "s3://lingraft/")
    check_access(one, [Access(namespace="a", prefixes=("s3://hub/", *rest))], "a")
    with pytest.raises(AccessDeniedError, match=f"may not use s3://hub/{NAME}/"):
        check_access(one, [Access(namespace="a", prefixes=rest)], "a")


def test_without_a_mirror_the_field_is_named() -> None:
    with pytest.raises(UserError, match="which lingraft does not reach") as caught:
        placed(parsed())
    assert caught.value.where == "spec.base.uri"


def test_a_resource_becomes_stalled_with_the_commands_and_goes_on_with_a_mirror(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Simulation().running() as sim:
        sim.create(*KEY, spec(base={"uri": f"hf://{NAME}"}))
        sim.come_to_rest()
        assert sim.status(KEY).phase == "Stalled"
        (said,) = [c for c in sim.status(KEY).conditions if c.type == "Stalled"]
        assert said.reason == "NotConfigured"
        assert said.message.startswith(f"spec.base.uri: {NAME} is on the Hugging Face Hub, which")
        assert f"hf download {NAME} --local-dir roberta-base && aws s3 cp" in said.message
        monkeypatch.setenv(VARIABLE, "s3://models/hub/")
        sim.copies[0].start()
        sim.come_to_rest()
        assert sim.status(KEY).phase == "Ready"
        plan = sim.status(KEY).plan
        assert plan is not None
        assert f"s3://models/hub/{NAME}/" in {one.uri for one in plan.plan.sources}


def test_what_is_suspended_is_no_mistake() -> None:
    with Simulation().running() as sim:
        sim.create(*KEY, spec(base={"uri": NAME}, suspend=True))
        sim.come_to_rest()
        assert sim.status(KEY).phase == "Suspended"
