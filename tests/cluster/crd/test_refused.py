"""What the CRD refuses, where and in which words; and that it agrees with the models."""

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings

from lingraft.crd.rules import S3_ONLY, S3_OR_HUB
from lingraft.resource import LanguageAdaptationSpec
from tests.cluster.bed.api import Api, ApiError, Object
from tests.cluster.crd.resources import Kubectl, create, on_s3, resource, spec_of
from tests.support.objects import disturbed, objects
from tests.support.refusals import REFUSALS, Changes
from tests.support.specs import task


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
    "spec.tasks[0].dev": {"tasks": [task(dev="hf://datasets/org/name")]},
}
NO_MODELS = ["/base", "./org/name", "org/name/", "hf://datasets/org/name", "hf://", "a--b"]
NO_MODELS += ["hf://org/name/model.safetensors", "org/..", "org/name@", "hf:/org/name", "org/name "]


@pytest.mark.parametrize("field", ON_ONE_MACHINE)
def test_files_of_one_machine_are_refused(crd: Api, namespace: str, field: str):
    spec = on_s3(spec_of()) | _task_on_s3_but(ON_ONE_MACHINE[field])
    of_model = field in ("spec.base.uri", "spec.tokenizer.uri")
    said = S3_OR_HUB.message if of_model else S3_ONLY.message
    assert refusal(crd, namespace, spec) == f"{field}: Forbidden: {said}"


@pytest.mark.parametrize("written", NO_MODELS)
def test_what_names_no_model_is_refused(crd: Api, namespace: str, written: str):
    said = refusal(crd, namespace, spec_of(base={"uri": written}))
    assert said == f"spec.base.uri: Forbidden: {S3_OR_HUB.message}"


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
