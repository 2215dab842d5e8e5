"""The CRD on a real API server: what it accepts, what it refuses and in which words."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from pydantic import BaseModel

from lingraft.crd import GROUP, PLURAL
from lingraft.files import load_resource
from lingraft.resource import API_VERSION, KIND, LanguageAdaptationSpec
from lingraft.status import (
    Artifacts,
    Attempt,
    ComputeStatus,
    Condition,
    Evaluation,
    LanguageAdaptationStatus,
    PinnedPlan,
    StageProgress,
    StageStatus,
)
from tests.cluster.bed.api import Api, ApiError, Object
from tests.cluster.bed.control_plane import ControlPlane
from tests.cluster.bed.kuberay import CRDS, install
from tests.cluster.bed.processes import wait_until
from tests.support.examples import EXAMPLES
from tests.support.objects import disturbed, objects
from tests.support.refusals import REFUSALS, Changes
from tests.support.specs import task
from tools.kube.build import binary

ROOT = Path(__file__).parents[2]
FILE = ROOT / "crds" / "lingraft.dev_languageadaptations.yaml"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
Kubectl = Callable[..., str]


@pytest.fixture(scope="module")
def control_plane(control_plane: ControlPlane) -> Iterator[ControlPlane]:
    """One of its own: on the session's an operator may be at work on what is made here."""
    with ControlPlane() as own:
        yield own


@pytest.fixture(scope="module")
def crd(control_plane: ControlPlane) -> Api:
    """The API server with the CRD."""
    install(control_plane.admin, [yaml.safe_load(FILE.read_text())])
    return control_plane.admin


@pytest.fixture
def kubectl(control_plane: ControlPlane, crd: Api, namespace: str) -> Kubectl:
    """Run kubectl in the test's namespace; what it says, on stdout or, where it fails, stderr."""

    def run(*arguments: str, given: Object | None = None) -> str:
        command = [
            *(binary("kubectl"), "--kubeconfig", control_plane.kubeconfig()),
            *("--namespace", namespace, *arguments),
        ]
        stdin = "" if given is None else json.dumps(given)
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60)
        return done.stderr if done.returncode else done.stdout

    return run


def spec_of(method: str = "Standard", **changes: Any) -> Object:
    """The shortest spec for a cluster, as `tests.support.specs.spec_of` has it for one machine."""
    spec = {
        "language": "sw",
        "base": {"uri": "file:///base"},
        "method": method,
        "corpus": {"uri": "file:///swahili"},
        "store": {"uri": "file:///store"},
    }
    if method == "MiniPost":
        spec["mini"] = {"text": {"uri": "file:///english"}}
    return on_s3(spec | changes)


def on_s3(spec: Object) -> Object:
    """The same with a bucket instead of this machine's disk."""
    return json.loads(json.dumps(spec).replace("file:///", "s3://bucket/"))


def resource(spec: Object, name: str = "swahili") -> Object:
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": name}, "spec": spec}


def path(namespace: str, name: str = "") -> str:
    return f"/apis/{API_VERSION}/namespaces/{namespace}/{PLURAL}" + (f"/{name}" if name else "")


def create(api: Api, namespace: str, spec: Object, *, dry_run: bool = False) -> Object:
    """As kubectl does: unknown fields are errors."""
    query: dict[str, Any] = {"dryRun": "All"} if dry_run else {}
    body = resource(spec)
    return api.request("POST", path(namespace), body, fieldValidation="Strict", **query)


def test_it_is_accepted_without_a_reservation(crd: Api):
    definition = crd.get(f"{CRDS}/{PLURAL}.{GROUP}")
    conditions = {c["type"]: c["status"] for c in definition["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}


SHAPES: dict[str, Object] = {
    "the shortest": spec_of(),
    "no store": {k: v for k, v in spec_of().items() if k != "store"},
    "MiniPost": spec_of("MiniPost"),
    "MiniJoint": spec_of("MiniJoint", mini={"layers": 4, "newLayers": 0}),
    "a base pretrained here": spec_of(
        "MiniJoint",
        base={
            "pretrain": {
                "text": {"uri": "file:///english"},
                "architecture": {"hiddenSize": 144, "layers": 6},
                "tokenizer": {"train": {"type": "bpe"}},
                "jointLayers": 2,
            }
        },
    ),
    "a tokenizer that is loaded": spec_of(tokenizer={"uri": "file:///tokenizer/"}),
    "every format": spec_of(
        tasks=[
            task("xnli", gate={"metric": "macroF1", "min": 0.5}),
            task("paws-x", format="paws-x", gate={"metric": "accuracy", "min": 1}),
            task("mlqa", format="mlqa", gate={"metric": "f1", "min": 0}),
            task("squad", format="squad", gate={"metric": "exactMatch", "min": 0.1}),
            task("own", format="classification", dev="file:///dev", sourceTest="file:///test"),
            task("pairs", format="pairs"),
            task("qa", format="qa"),
            {
                "name": "retrieval",
                "format": "retrieval",
                "test": "file:///test",
                "gate": {"metric": "accuracy", "min": 0.9},
            },
        ]
    ),
    "on a busy cluster": spec_of(
        suspend=True,
        queue="team-a",
        seed=2**31 - 1,
        retry={"maxAttempts": 5, "backoffSeconds": 0},
        pools={
            "small": {
                "workers": 4,
                "cpu": "3500m",
                "memory": "16Gi",
                "nodeSelector": {"pool": "small"},
                "tolerations": [{"key": "spot", "operator": "Exists", "effect": "NoSchedule"}],
                "price": {"perHour": 0.1},
                "env": [{"name": "A", "value": "1"}],
                "imagePullSecrets": [{"name": "registry"}],
            },
            "large": {"gpus": 8, "gpuResource": "nvidia.com/gpu", "scratchSize": "1Ti"},
        },
    ),
    "null is absent": spec_of(queue=None, mini={"layers": None}, tasks=[task(dev=None)]),
    "a bucket": spec_of(store={"uri": "s3://bucket"}),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_accepted_and_nothing_is_added(crd: Api, namespace: str, shape: str):
    spec = SHAPES[shape]
    assert create(crd, namespace, spec)["spec"] == without_null(spec)
    LanguageAdaptationSpec.model_validate(spec)


def without_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_null(v) for k, v in value.items() if v is not None}
    return [without_null(one) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_every_example_is_accepted_with_its_files_on_s3(crd: Api, namespace: str, file: Path):
    spec = load_resource(file).spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
    create(crd, namespace, on_s3(spec))


def test_the_largest_resource_is_within_the_cost_limits(crd: Api, namespace: str):
    uri = "s3://bucket/".ljust(2048, "x")
    uris = {"train": uri, "dev": uri, "test": uri, "sourceTest": uri}
    gate = {"metric": "accuracy", "min": 1}
    tasks = [task(f"{i:x<40}", gate=gate, **uris) for i in range(32)]
    create(crd, namespace, spec_of(tasks=tasks))


@pytest.mark.parametrize(("field", "sentence", "changes"), REFUSALS)
def test_refused_at_the_field_in_the_words_of_the_models(
    crd: Api, namespace: str, field: str, sentence: str, changes: Changes
):
    assert refusal(crd, namespace, spec_of(**changes)) in (
        f"{field}: Forbidden: {sentence}",
        f"{field}: Required value: {sentence}",
    )


def refusal(api: Api, namespace: str, spec: Object) -> str:
    """What the API server says, without the name of the resource."""
    with pytest.raises(ApiError) as refused:
        create(api, namespace, spec)
    assert refused.value.code in (400, 422)
    return refused.value.message.partition(" is invalid: ")[2] or refused.value.message


def test_minipost_without_mini_is_refused(crd: Api, namespace: str):
    assert "needs mini.text" in refusal(crd, namespace, spec_of() | {"method": "MiniPost"})


ON_ONE_MACHINE: dict[str, Changes] = {
    "spec.base.uri": {"base": {"uri": "file:///base/"}},
    "spec.base.pretrain.text.uri": {"base": {"pretrain": {"text": {"uri": "/english"}}}},
    "spec.corpus.uri": {"corpus": {"uri": "../corpus.txt"}},
    "spec.mini.text.uri": {"mini": {"text": {"uri": "https://example.org/text"}}},
    "spec.tokenizer.uri": {"tokenizer": {"uri": "S3://bucket/tokenizer"}},
    "spec.store.uri": {"store": {"uri": "s3:///store"}},
    "spec.tasks[0].train": {"tasks": [task(train="s3:/bucket/train")]},
    "spec.tasks[0].test": {"tasks": [task(test=" s3://bucket/test")]},
    "spec.tasks[0].sourceTest": {"tasks": [task(sourceTest="x")]},
}


@pytest.mark.parametrize("field", ON_ONE_MACHINE)
def test_files_of_one_machine_are_refused(crd: Api, namespace: str, field: str):
    spec = on_s3(spec_of()) | _task_on_s3_but(ON_ONE_MACHINE[field])
    assert refusal(crd, namespace, spec) == (
        f"{field}: Forbidden: file:// works on one machine only; on a cluster write s3://bucket/key"
    )


def _task_on_s3_but(changes: Changes) -> Changes:
    return json.loads(json.dumps(changes).replace("file:///xnli", "s3://bucket/xnli"))


BOUNDS: list[tuple[str, Changes]] = [
    ("spec.language: Invalid value", {"language": "Swahili"}),
    ("spec.language: Too long", {"language": "sw-" + "-".join(["abcdefgh"] * 4)}),
    ("spec.method: Unsupported value", {"method": "MiniGraft"}),
    ("spec.mini.layers: Invalid value", {"mini": {"layers": 0}}),
    ("spec.embeddings.maskProbability: Invalid value", {"embeddings": {"maskProbability": 1}}),
    ("spec.embeddings.learningRate: Invalid value", {"embeddings": {"learningRate": 0}}),
    ("spec.embeddings.steps: Invalid value", {"embeddings": {"steps": 2.5}}),
    ("spec.tasks: Too many", {"tasks": [task(f"t{i}") for i in range(33)]}),
    ("spec.tasks[1]: Duplicate value", {"tasks": [task(), task()]}),
    ("spec.tasks[0].name: Invalid value", {"tasks": [task("XNLI")]}),
    ("spec.retry.maxAttempts: Invalid value", {"retry": {"maxAttempts": 21}}),
    ("spec.corpus.uri: Invalid value", {"corpus": {"uri": ""}}),
    ("spec.corpus.uri: Required value", {"corpus": {}}),
    ('unknown field "spec.embeddings.learning-rate"', {"embeddings": {"learning-rate": 1}}),
    ('unknown field "spec.gate"', {"gate": {"metric": "accuracy", "min": 0.5}}),
]


@pytest.mark.parametrize(("start", "changes"), BOUNDS, ids=[start for start, _ in BOUNDS])
def test_bounds_and_unknown_fields_are_refused(
    crd: Api, namespace: str, start: str, changes: Changes
):
    assert start in refusal(crd, namespace, spec_of(**changes))


def test_everything_that_is_wrong_is_said_at_once(kubectl: Kubectl):
    wrong = spec_of("MiniPost", mini={}, base={}, corpus={"uri": "/corpus"})
    said = kubectl("apply", "-f", "-", given=resource(wrong))
    assert said.startswith('The LanguageAdaptation "swahili" is invalid:')
    assert len(re.findall(r"^\* spec\.", said, re.MULTILINE)) == 3


# One API server and one namespace serve all examples of a test.
MANY = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@MANY
@given(spec=objects(LanguageAdaptationSpec))
def test_what_the_models_accept_is_accepted(crd: Api, namespace: str, spec: Object):
    create(crd, namespace, spec, dry_run=True)


@MANY
@given(spec=disturbed(LanguageAdaptationSpec))
def test_what_is_accepted_the_models_accept(crd: Api, namespace: str, spec: Object):
    try:
        stored = create(crd, namespace, spec, dry_run=True)
    except ApiError as error:
        assert error.code in (400, 422)
    else:
        LanguageAdaptationSpec.model_validate(stored["spec"])


def test_the_language_is_immutable_and_all_else_may_change(crd: Api, namespace: str):
    create(crd, namespace, spec_of())
    place = path(namespace, "swahili")
    with pytest.raises(ApiError, match="language is immutable: make another") as refused:
        crd.merge(place, {"spec": {"language": "yo"}})
    assert "spec.language: Forbidden" in refused.value.message
    changes = {"base": {"uri": "s3://bucket/other/"}, "seed": 1, "suspend": True, "store": None}
    assert crd.merge(place, {"spec": changes})["metadata"]["generation"] == 2


def test_an_update_that_changes_nothing_changes_nothing(kubectl: Kubectl, crd: Api, namespace: str):
    given = resource(SHAPES["every format"])
    assert "created" in kubectl("apply", "-f", "-", given=given)
    first = crd.get(path(namespace, "swahili"))
    assert "unchanged" in kubectl("apply", "-f", "-", given=given)
    # The first update stores the status that creation only showed; the next one has nothing to do.
    second = crd.request("PUT", path(namespace, "swahili"), first)
    assert (second["spec"], second["status"]) == (first["spec"], first["status"])
    assert second["metadata"]["generation"] == first["metadata"]["generation"]
    assert crd.request("PUT", path(namespace, "swahili"), second) == second


def test_two_managers_can_own_a_task_each(crd: Api, namespace: str):
    place = path(namespace, "swahili")
    crd.apply(place, resource(spec_of(tasks=[task("a")])), "one")
    both = crd.apply(place, resource({"tasks": on_s3({"_": [task("b")]})["_"]}), "two")
    assert [one["name"] for one in both["spec"]["tasks"]] == ["a", "b"]


STATUS = LanguageAdaptationStatus(
    observed_generation=1,
    phase="Running",
    progress="embed 1,200 of 125,000",
    conditions=(
        Condition(
            type="Ready",
            status="False",
            reason="Training",
            message="",
            observed_generation=1,
            last_transition_time=NOW,
        ),
    ),
    stages=(
        StageStatus(
            name="embed",
            kind="embed",
            digest="0" * 64,
            state="Running",
            holder="rayjob-1",
            ray_job="embed-0",
            dashboardURL="http://embed-0:8265",
            progress=StageProgress(
                step=1200, steps=125_000, loss=3.5, tokens_per_second=1e5, updated_at=NOW
            ),
            eta=NOW,
            not_before=NOW,
            attempts=(
                Attempt(
                    number=1,
                    ray_job="embed-0",
                    uid="1-2-3",
                    holder="rayjob-1",
                    micro_batch_tokens=16_384,
                    started_at=NOW,
                    ended_at=NOW,
                    step=1000,
                    failure_class="infrastructure",
                    reason="NodeLost",
                    message="the node went",
                    counted=False,
                ),
            ),
            device_seconds=12.5,
        ),
    ),
    plan=PinnedPlan(
        generation=1,
        contract=1,
        trainer_image="trainer:1",
        credentials_secret="s3-credentials",
        refresh="x",
        content='{"a": 1e-3}',
    ),
    artifacts=Artifacts(
        embeddings="s3://b/e",
        tokenizer="s3://b/t",
        model="s3://b/m",
        task_models={"xnli/0": "s3://b/x"},
        evaluation="s3://b/evaluation.json",
    ),
    evaluation=(
        Evaluation(
            task="xnli", metric="accuracy", value=0.6, stderr=0, source=0.8, gate=0.62, passed=False
        ),
    ),
    compute=ComputeStatus(
        saved_per_step="2.5x",
        embed_flops=1e21,
        standard_flops=2.5e21,
        device_seconds=1,
        own_device_seconds=0.5,
        price="1.20 USD",
    ),
    retry="again",
)


def test_a_full_status_is_stored_as_it_is(crd: Api, namespace: str):
    create(crd, namespace, spec_of())
    stored = write_status(crd, namespace, STATUS)
    assert LanguageAdaptationStatus.model_validate(stored["status"]) == STATUS
    assert stored["metadata"]["generation"] == 1


def write_status(api: Api, namespace: str, status: LanguageAdaptationStatus) -> Object:
    """By server-side apply, as the operator does."""
    body = {k: v for k, v in resource({}).items() if k != "spec"} | {"status": status.to_json()}
    query: Any = {"fieldManager": "lingraft", "force": "true", "fieldValidation": "Strict"}
    place = path(namespace, "swahili") + "/status"
    return api.request("PATCH", place, body, content_type="application/apply-patch+yaml", **query)


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
    assert all(name in wide for name in ("REASON", "STORE", "MESSAGE", "Training", "s3://bucket"))
    assert "languageadaptation.lingraft.dev/swahili" in kubectl("get", "all")


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
    assert "batchTokens <integer> Tokens in one update, over all workers. Default: 1048576." in said


EXPLAINED = ["", ".spec", ".spec.tasks", ".spec.base.pretrain.architecture", ".status.stages"]


@pytest.mark.parametrize("field", EXPLAINED)
def test_kubectl_explain_leaves_no_field_without_words(kubectl: Kubectl, field: str):
    wait_until(lambda: "mini" in kubectl("explain", "la.spec"), "its OpenAPI is published")
    said = kubectl("explain", f"la{field}")
    assert "FIELDS:" in said and "<no description>" not in said
