"""What kubectl shows: columns, wait, explain."""

import re

import pytest

from tests.cluster.bed.api import Api
from tests.cluster.bed.processes import wait_until
from tests.cluster.crd.resources import SHAPES, Kubectl, create, spec_of
from tests.cluster.crd.statuses import STATUS, write_status


def test_kubectl_get_shows_the_state(kubectl: Kubectl, crd: Api, namespace: str):
    create(crd, namespace, spec_of())
    write_status(crd, namespace, STATUS)
    header, row = (re.split(r"\s{2,}", line.strip()) for line in lines(kubectl("get", "la")))
    assert header == [
        *("NAME", "LANGUAGE", "BASE", "METHOD", "PHASE", "PROGRESS", "COMPUTE", "READY", "AGE"),
    ]
    assert row[:-1] == [
        *("swahili", "sw", "s3://bucket/base", "Standard", "Running", "embed 1,200 of 125,000"),
        *("2.5x", "False"),
    ]
    wide = kubectl("get", "languageadaptations", "-o", "wide")
    assert all(
        name in wide
        for name in ("PAYS-AFTER", "REASON", "STORE", "MESSAGE", "Training", "s3://bucket")
    )
    kubectl("delete", "all", "--all")  # cleans a namespace up, and must end no training
    assert "languageadaptation.lingraft.dev/swahili" in kubectl("get", "la", "-o", "name")


def lines(text: str) -> list[str]:
    return text.strip().splitlines()


def test_the_base_column_of_a_pretrained_base_is_its_text(
    kubectl: Kubectl, crd: Api, namespace: str
):
    create(crd, namespace, SHAPES["a base pretrained here"])
    assert "s3://bucket/english" in kubectl("get", "la")


def test_kubectl_wait_works(kubectl: Kubectl, crd: Api, namespace: str):
    create(crd, namespace, spec_of())
    (ready,) = STATUS.conditions
    done = ready.model_copy(update={"status": "True"})
    write_status(crd, namespace, STATUS.model_copy(update={"conditions": (done,)}))
    said = kubectl("wait", "--for=condition=Ready", "la/swahili", "--timeout=20s")
    assert "condition met" in said


def test_kubectl_explain_reads_well(kubectl: Kubectl):
    # A new API server publishes its schema a moment after it serves the kind.
    wait_until(lambda: "mini" in kubectl("explain", "la.spec"), "its OpenAPI is published")
    said = " ".join(kubectl("explain", "la.spec.mini").split())
    assert (
        "FIELD: mini <Object> DESCRIPTION: "
        "The shallow mini-model that the new embeddings are trained through. Standard has none. "
        "MiniJoint takes the base's bottom layers and middle head."
    ) in said
    assert (
        "newLayers <integer> MiniPost: new layers on top of them. Default: a sixth of the base's."
    ) in said
    assert "batchTokens <integer> Tokens in one update, over all workers. Default: by the" in said


EXPLAINED = ["", ".spec", ".spec.tasks", ".spec.base.pretrain.architecture", ".status.stages"]


@pytest.mark.parametrize("field", EXPLAINED)
def test_kubectl_explain_leaves_no_field_without_words(kubectl: Kubectl, field: str):
    wait_until(lambda: "mini" in kubectl("explain", "la.spec"), "its OpenAPI is published")
    said = kubectl("explain", f"la{field}")
    assert "FIELDS:" in said and "<no description>" not in said
