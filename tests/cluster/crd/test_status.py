"""The status subresource."""

from pydantic import BaseModel

from lingraft.status import (
    LanguageAdaptationStatus,
)
from tests.cluster.bed.api import Api
from tests.cluster.crd.resources import create, path, spec_of
from tests.cluster.crd.statuses import STATUS, write_status


def test_a_full_status_is_stored_as_it_is(crd: Api, namespace: str):
    create(crd, namespace, spec_of())
    stored = write_status(crd, namespace, STATUS)
    assert LanguageAdaptationStatus.model_validate(stored["status"]) == STATUS
    assert stored["metadata"]["generation"] == 1


def test_every_status_field_is_in_the_test_above():
    def empty(value: object) -> list[str]:
        if isinstance(value, tuple):
            return [one for item in value for one in empty(item)]
        if not isinstance(value, BaseModel):
            return []
        fields = dict(value)
        absent = [name for name, one in fields.items() if one in (None, (), {})]
        below = [one for field in fields.values() for one in empty(field)]
        return [f"{type(value).__name__}.{name}" for name in absent] + below

    assert empty(STATUS) == []


def test_the_spec_is_not_changed_through_the_status(crd: Api, namespace: str):
    create(crd, namespace, spec_of())
    crd.merge(path(namespace, "swahili") + "/status", {"spec": {"seed": 5}})
    assert "seed" not in crd.get(path(namespace, "swahili"))["spec"]
