"""What a namespace may name, and what stays pinned."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lingraft.errors import InfrastructureError, UserError
from lingraft.plan import readings
from lingraft.resource import LanguageAdaptationSpec
from lingraft.stage import CONTRACT
from lingraft.status import LanguageAdaptationStatus, PinnedPlan
from lingraft_operator.config import Access
from lingraft_operator.decision.refresh import Look
from lingraft_operator.planning.access import AccessDeniedError, check_access, is_below
from lingraft_operator.planning.failures import as_failure
from lingraft_operator.planning.pinned import look_anew, make_plan, needs_plan
from lingraft_operator.planning.spec import parse
from lingraft_operator.world import Resource
from tests.support.operator.clock import START
from tests.support.operator.settings import config
from tests.support.operator.simulation import Simulation
from tests.support.operator.specs import spec, task


@pytest.mark.parametrize(
    ("uri", "prefix"),
    [
        ("s3://models/base/", "s3://models/"),
        ("s3://models/base/", "s3://models"),
        ("s3://models/base/", "s3://models/base"),
        ("s3://models/base", "s3://models/base/"),
        ("s3://models/base/v1", "s3://models/base/"),
        ("s3://models", "s3://models/"),
        ("s3://models/a..b/", "s3://models/"),
        ("s3://models/.../x", "s3://models/"),
    ],
)
def test_a_uri_below_a_prefix(uri: str, prefix: str) -> None:
    assert is_below(uri, prefix)


@pytest.mark.parametrize(
    ("uri", "prefix"),
    [
        ("s3://models-evil/base/", "s3://models/"),
        ("s3://models-evil/base/", "s3://models"),
        ("s3://models/base-evil/", "s3://models/base"),
        ("s3://models/base-evil/", "s3://models/base/"),
        ("s3://models/", "s3://models/base/"),
        ("s3://models/base/../secret/", "s3://models/base/"),
        ("s3://models/base/..", "s3://models/base/"),
        ("s3://models/base/./x", "s3://models/base/"),
        ("s3://models/Base/", "s3://models/base/"),
        ("S3://models/base/", "s3://models/"),
        ("file:///s3://models/", "s3://models/"),
        ("file:///models/base", "file:///models/"),
        ("/models/base", "/models/"),
        ("s3://models/base/", ""),
    ],
)
def test_a_uri_that_is_not_below_a_prefix(uri: str, prefix: str) -> None:
    assert not is_below(uri, prefix)


def parsed(**changes: Any) -> LanguageAdaptationSpec:
    return LanguageAdaptationSpec.model_validate(spec(**changes))


def access(namespace: str, *prefixes: str) -> Access:
    return Access(namespace=namespace, prefixes=prefixes)


EVERYTHING = ("s3://models/", "s3://corpora/", "s3://tasks/", "s3://lingraft/")


def test_rules_are_a_namespaces_own_or_everybodys() -> None:
    check_access(parsed(), [access("*", *EVERYTHING)], "a")
    check_access(parsed(), [access("a", *EVERYTHING[:2]), access("*", *EVERYTHING[2:])], "a")
    for rules in ([], [access("b", *EVERYTHING)], [access("*", *EVERYTHING[:2])]):
        with pytest.raises(AccessDeniedError):
            check_access(parsed(), rules, "a")


def test_every_uri_that_a_spec_can_name_is_held_against_the_rules() -> None:
    whole = parsed(
        method="MiniPost",
        tokenizer={"uri": "s3://corpora/tokenizer/"},
        tasks=[task(dev="s3://tasks/dev/", sourceTest="s3://tasks/en/")],
    )
    pretrain = {"text": {"uri": "s3://corpora/en/"}, "tokenizer": {"uri": "s3://corpora/t/"}}
    other = parsed(base={"pretrain": pretrain})
    seen: set[str] = set()
    for one in (whole, other):
        named = {field: reading.uri for reading, field in readings(one).items()}
        for field, uri in {**named, "spec.store.uri": "s3://lingraft/"}.items():
            rules = [access("*", *EVERYTHING)]
            check_access(one, rules, "a")
            text = one.model_dump_json(by_alias=True).replace(f'"{uri}"', '"s3://elsewhere/x"')
            with pytest.raises(AccessDeniedError) as caught:
                check_access(LanguageAdaptationSpec.model_validate_json(text), rules, "a")
            assert "s3://elsewhere/x" in str(caught.value)
            seen.add(field)
    assert len(seen) == 11


def test_only_what_may_be_named_is_asked_for(simulation: Simulation) -> None:
    simulation.missing.add("s3://elsewhere/")
    with pytest.raises(AccessDeniedError):
        make_plan(resource(corpus={"uri": "s3://elsewhere/"}), *settings(corpus="s3://elsewhere/"))


@pytest.fixture
def simulation() -> Iterator[Simulation]:
    with Simulation().running(0) as made:
        yield made


def resource(pinned: PinnedPlan | None = None, **changes: Any) -> Resource:
    fields = {key: changes.pop(key) for key in ("generation", "refresh") if key in changes}
    values: dict[str, Any] = {
        "namespace": "a",
        "name": "one",
        "uid": "u",
        "generation": 1,
        "resource_version": "1",
        "created_at": START,
        "spec": spec(**changes),
        "status": LanguageAdaptationStatus(plan=pinned),
    }
    return Resource(**(values | fields))


def settings(corpus: str = "s3://corpora/sw/", **changes: Any) -> tuple[Any, Any]:
    one = parsed(corpus={"uri": corpus}, **changes)
    return one, config()


def planned(one: Resource) -> PinnedPlan:
    return make_plan(one, parse(one, config()), config())


def pins(plan: PinnedPlan) -> dict[tuple[str, str | None], str]:
    return {(one.uri, one.reads): one.fingerprint for one in plan.plan.sources}


def test_a_new_generation_keeps_the_pins_of_what_it_does_not_change(
    simulation: Simulation,
) -> None:
    first = planned(resource())
    simulation.content += 1  # every bucket is overwritten
    second = planned(resource(first, generation=2, tasks=[task()]))
    assert second.generation == 2
    assert pins(second).items() >= pins(first).items()
    assert second.plan["embed"].stage.digest == first.plan["embed"].stage.digest
    # What one generation drops is looked up anew when it comes back.
    third = planned(resource(second, generation=3, corpus={"uri": "s3://corpora/fr/"}))
    fourth = planned(resource(third, generation=4))
    base, corpus = ("s3://models/base/", "checkpoint"), ("s3://corpora/sw/", "text")
    assert pins(fourth)[base] == pins(first)[base]
    assert pins(fourth)[corpus] != pins(first)[corpus]


def test_refresh_looks_everything_up_anew_and_once(simulation: Simulation) -> None:
    first = planned(resource())
    assert not needs_plan(resource(first))
    simulation.content += 1
    asked = resource(first, refresh="now")
    looked = look_anew(asked, parse(asked, config()), config(), Look(), START)
    second = looked.pinned
    assert second is not None and second.refresh == "now"
    assert pins(second).keys() == pins(first).keys()
    assert not set(pins(second).values()) & set(pins(first).values())
    assert second.plan["corpus"].stage.digest != first.plan["corpus"].stage.digest
    assert set(looked.changed) == {"spec.base.uri", "spec.corpus.uri"}
    assert set(looked.stages) == {"corpus", "embed", "graft"}


def test_where_nothing_changed_the_plan_stays_with_its_image_and_its_contract(
    simulation: Simulation,
) -> None:
    first = planned(resource()).model_copy(update={"trainer_image": "old"})
    asked = resource(first, refresh="now")
    looked = look_anew(asked, parse(asked, config()), config(), Look(), START)
    assert looked.pinned == first.model_copy(update={"refresh": "now"})
    assert looked.sentence == "looked up at 2026-01-01 00:00 UTC: nothing changed"


def test_a_look_that_fails_says_where(simulation: Simulation) -> None:
    simulation.missing.add("s3://corpora/sw/")
    asked = resource(planned(resource(corpus={"uri": "s3://corpora/fr/"})), refresh="now")
    looked = look_anew(asked, parse(asked, config()), config(), Look(), START)
    assert looked.pinned is None and looked.failure is not None
    assert looked.failure.reason == "InputUnavailable"
    assert "spec.corpus.uri" in looked.sentence


def test_a_plan_is_of_one_generation(simulation: Simulation) -> None:
    assert needs_plan(resource())
    assert needs_plan(resource(planned(resource()), generation=2))


def test_a_pinned_plan_comes_back_byte_by_byte(simulation: Simulation) -> None:
    first = planned(resource(method="MiniPost", tasks=[task(seeds=3)]))
    stored = LanguageAdaptationStatus(plan=first).to_json()
    (again,) = [LanguageAdaptationStatus.model_validate(stored).plan]
    assert again == first
    assert again is not None and again.plan == first.plan


def test_why_there_is_no_plan(simulation: Simulation) -> None:
    simulation.missing.add("s3://corpora/sw/")
    with pytest.raises(UserError) as caught:
        planned(resource())
    said = as_failure(caught.value)
    assert (said.failure_class, said.reason, said.where) == (
        "outside",
        "InputUnavailable",
        "spec.corpus.uri",
    )
    simulation.missing.clear()
    with pytest.raises(UserError) as deep:
        planned(resource(method="MiniJoint", mini={"layers": 12}))
    said = as_failure(deep.value)
    assert (said.failure_class, said.reason, said.where) == (
        "user",
        "InvalidSpec",
        "spec.mini.layers",
    )
    simulation.sources_away = True
    with pytest.raises(InfrastructureError) as broken:
        planned(resource())
    assert as_failure(broken.value).failure_class == "infrastructure"
    assert as_failure(AccessDeniedError("no")).reason == "AccessDenied"


def test_what_the_api_server_should_have_refused_names_its_field() -> None:
    broken = resource()
    broken = Resource(**{**vars(broken), "spec": spec() | {"language": "not a language"}})
    with pytest.raises(UserError) as caught:
        parse(broken, config())
    assert caught.value.where == "spec.language"


def test_the_charts_store_stands_in_where_a_resource_names_none() -> None:
    without = {key: value for key, value in spec().items() if key != "store"}
    one = Resource(**{**vars(resource()), "spec": without})
    with pytest.raises(UserError, match="default store"):
        check_access(parse(one, config()), config().access, "a")
    found = parse(one, config(store={"uri": "s3://lingraft/"}))
    assert found.store is not None and found.store.uri == "s3://lingraft/"


OLD = json.loads((Path(__file__).parents[2] / "data/plans/contract-1.json").read_text())
"""A plan as contract 1 pinned it, and the places of its stages."""


def pinned_then() -> PinnedPlan:
    content = OLD["content"]
    return PinnedPlan(generation=1, contract=1, trainer_image="old", refresh="", content=content)


def test_a_plan_of_an_older_contract_is_followed_with_its_own_digests() -> None:
    old = pinned_then()
    assert {one.name: one.stage.ref for one in old.plan.stages} == OLD["refs"]
    spec = old.plan.spec(old.plan["embed"], "me").to_json()
    assert '"reads"' not in json.dumps(spec), "the trainer of then knows no such field"
    assert not needs_plan(resource(old))


def test_what_an_older_contract_pinned_is_looked_up_anew(simulation: Simulation) -> None:
    anew = planned(resource(pinned_then(), generation=2))
    assert anew.contract == CONTRACT
    assert pins(anew) == pins(planned(resource()))
