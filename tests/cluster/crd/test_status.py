"""The status subresource."""

import pytest
from pydantic import BaseModel

from lingraft.status import LanguageAdaptationStatus
from lingraft_operator.status.room import OBJECT_BYTES
from lingraft_operator.status.texts import json_bytes
from tests.cluster.bed.api import Api, ApiError
from tests.cluster.crd.resources import create, path, spec_of
from tests.cluster.crd.statuses import STATUS, write_status


def test_a_full_status_is_stored_as_it_is(crd: Api, namespace: str):
    create(crd, namespace, spec_of())
    stored = write_status(crd, namespace, STATUS)
    assert LanguageAdaptationStatus.model_validate(stored["status"]) == STATUS
    assert stored["metadata"]["generation"] == 1


@pytest.mark.parametrize("char", ["a", "<", "é", "\x01"])
def test_the_largest_status_is_stored_and_a_larger_one_is_not(
    crd: Api, namespace: str, char: str
) -> None:
    """The budget is counted as etcd counts, whatever the texts hold."""
    there = json_bytes(create(crd, namespace, spec_of()))

    def write(size: int) -> None:
        left = size - there - json_bytes(STATUS.to_json())
        content = char * (1000 * left // json_bytes(char * 1000))
        assert STATUS.plan is not None
        plan = STATUS.plan.model_copy(update={"content": content})
        write_status(crd, namespace, STATUS.model_copy(update={"plan": plan}))

    write(OBJECT_BYTES)
    with pytest.raises(ApiError, match="too large"):
        write(1_600_000)


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
