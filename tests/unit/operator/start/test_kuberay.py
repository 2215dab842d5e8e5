"""What the cluster lacks is found out by asking, and said with the version to install."""

from collections.abc import Mapping
from typing import Any, cast

import pytest
import yaml

from lingraft_operator.cluster import Cluster, Conflict, Missing, Refused
from lingraft_operator.start.kuberay import lacking, sample, unknown_fields
from tests.support.operator.settings import config
from tests.unit.operator.shapes import PLAIN, SHAPES, text_of

OLD = (
    'RayJob in version "v1" cannot be handled as a RayJob: strict decoding error: '
    'unknown field "spec.preRunningDeadlineSeconds", '
    'unknown field "spec.rayClusterSpec.authOptions"'
)


class Asked:
    """An API server that knows some kinds, and has a word for each RayJob."""

    def __init__(self, missing: list[str], answer: Exception | None) -> None:
        self.missing, self.answer = missing, answer
        self.namespaces: list[str] = []

    def missing_kinds(self) -> list[str]:
        return self.missing

    def create_rayjob(self, body: Mapping[str, Any], *, dry_run: bool = False) -> Mapping[str, Any]:
        assert dry_run, "nothing is to be kept"
        self.namespaces.append(body["metadata"]["namespace"])
        if self.answer is not None:
            raise self.answer
        return body


def asked(missing: list[str], answer: Exception | None = None, **settings: Any) -> str | None:
    return lacking(cast(Cluster, Asked(missing, answer)), config(**settings))


def test_an_old_kuberay_is_named_with_what_it_does_not_know() -> None:
    said = asked([], Refused(OLD, invalid=True))
    assert said is not None and "spec.rayClusterSpec.authOptions" in said
    assert "KubeRay 1.6 or newer with its CRDs" in said


@pytest.mark.parametrize(
    ("missing", "words"),
    [(["rayjobs.ray.io"], "KubeRay 1.6"), (["languageadaptations.lingraft.dev"], "crds.enabled")],
)
def test_a_kind_that_is_missing_is_named_with_who_installs_it(
    missing: list[str], words: str
) -> None:
    said = asked(missing)
    assert said is not None and missing[0] in said and words in said


@pytest.mark.parametrize(
    "answer",
    [
        None,
        Refused("exceeded quota: count/rayjobs.ray.io=1", invalid=False),
        Refused("admission webhook denied it: no queue", invalid=True),
        Conflict("it is there already"),
        Missing("404 namespaces default not found"),
    ],
    ids=str,
)
def test_what_others_have_against_one_rayjob_says_nothing_of_kuberay(
    answer: Exception | None,
) -> None:
    assert asked([], answer) is None


def test_it_asks_where_it_may() -> None:
    for namespaces, where in ((("team-a", "team-b"), "team-a"), ((), "default")):
        server = Asked([], None)
        assert lacking(cast(Cluster, server), config(namespaces=namespaces)) is None
        assert server.namespaces == [where]


def paths(value: Any, path: str = "") -> set[str]:
    """Every field of an object, by its path."""
    if isinstance(value, list):
        return set[str]().union(*(paths(one, f"{path}[]") for one in cast(list[Any], value)))
    if not isinstance(value, dict):
        return {path}
    fields = cast(dict[str, Any], value).items()
    return {path}.union(*(paths(below, f"{path}.{name}") for name, below in fields))


ANYTHING = ("labels", "annotations", "nodeSelector", "rayStartParams", "limits", "requests")
"""Of these any key is known."""
LOOKED_UP = {".value", ".effect", ".tolerationSeconds", ".priorityClassName"}


def test_the_sample_has_every_field_that_ours_have() -> None:
    """Else a field that an old CRD does not know would be found out by tenants."""

    def known(body: Any) -> set[str]:
        found = {one for one in paths(body["spec"]) if not any(f".{n}." in one for n in ANYTHING)}
        return {one for one in found if not any(one.endswith(end) for end in LOOKED_UP)}

    # What an admin's podTemplate adds is no matter of KubeRay's age.
    plain = [name for name, (_, chart) in SHAPES.items() if chart.pools == PLAIN.pools]
    ours = set[str]().union(*(known(yaml.safe_load(text_of(name))) for name in plain))
    assert ours - known(sample("a")) == set()


def test_only_strict_validation_names_fields() -> None:
    assert unknown_fields('a webhook says: unknown field "x"') == []
    assert unknown_fields('strict decoding error: unknown field "a.b", unknown field "a.b"') == [
        "a.b"
    ]
