"""The resource: what a researcher gets by default, and what is refused at once."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from lingraft.resource import LanguageAdaptation
from lingraft.resource.steps import Tokenizer, TrainTokenizer
from tests.support.examples import EXAMPLES
from tests.support.specs import spec_of, task

ENGLISH = {"text": {"uri": "file:///english"}}


def test_the_shortest_spec_and_its_defaults():
    spec = spec_of("Standard")
    assert spec.tokenizer.train == TrainTokenizer(type=None, vocab_size=None)
    embeddings = spec.embeddings
    assert (embeddings.init, embeddings.steps) == ("overlap", None)
    # Weight decay 0.01; what depends on text and base is the plan's to say.
    assert (embeddings.batch_tokens, embeddings.learning_rate) == (None, None)
    assert (embeddings.mask_probability, embeddings.calibrate) == (None, None)
    assert (embeddings.weight_decay, embeddings.sequence_length) == (0.01, None)
    assert (spec.seed, spec.tasks) == (0, [])


def test_a_task_and_its_defaults():
    xnli = spec_of(tasks=[task(seeds=1)]).tasks[0]
    assert (xnli.epochs, xnli.batch_size, xnli.learning_rate) == (3, 32, 2e-5)
    assert (xnli.max_length, xnli.seeds, xnli.gate, xnli.dev) == (None, 1, None, None)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_the_examples_are_resources(file: Path):
    resource = LanguageAdaptation.model_validate(yaml.safe_load(file.read_text()))
    stored = resource.model_dump(mode="json", by_alias=True)
    assert LanguageAdaptation.model_validate(stored) == resource


def test_fields_are_camel_case_outside_and_snake_case_inside():
    spec = spec_of("MiniPost", mini=ENGLISH | {"newLayers": 1})
    assert spec.mini.new_layers == 1
    assert spec.model_dump(by_alias=True)["mini"]["newLayers"] == 1


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("exactly one of uri and pretrain", {"base": {}}),
    ("exactly one of uri and pretrain", {"base": {"uri": "s3://b", "pretrain": ENGLISH}}),
    ("either train or uri", {"tokenizer": {"uri": "s3://t", "train": {}}}),
    ("MiniPost needs mini.text", {"method": "MiniPost", "mini": {}}),
    ("MiniJoint adds no layers", {"method": "MiniJoint", "mini": {"newLayers": 1}}),
    ("names must differ", {"tasks": [task(), task()]}),
    ("xnli task needs train", {"tasks": [task(train=None)]}),
    ("retrieval needs no train", {"tasks": [task(format="retrieval")]}),
    ("multiple of attentionHeads", {
        "base": {"pretrain": ENGLISH | {"architecture": {"hiddenSize": 64, "attentionHeads": 5}}}
    }),
    ("Extra inputs", {"embeddings": {"learning-rate": 1}}),
    ("Extra inputs", {"gate": {"metric": "accuracy", "min": 0.5}}),
    ("Input should be 'Auto', 'Standard'", {"method": "MiniGraft"}),
    ("should match pattern", {"language": "Swahili"}),
    ("should match pattern", {"tasks": [task("XNLI")]}),
    ("less than or equal to 1", {"tasks": [task(gate={"metric": "accuracy", "min": 62})]}),
    ("at least 1 character", {"corpus": {"uri": ""}}),
    ("greater than or equal to 1", {"mini": {"layers": 0}}),
    ("less than 1", {"embeddings": {"maskProbability": 1}}),
    ("fewer than steps", {"embeddings": {"steps": 10, "warmupSteps": 10}}),
    ("fewer than steps", {"mini": ENGLISH | {"steps": 1, "warmupSteps": 9}}),
]  # fmt: skip


@pytest.mark.parametrize(("message", "changes"), REFUSED)
def test_refused(message: str, changes: dict[str, Any]):
    with pytest.raises(ValidationError, match=message):
        spec_of(**changes)


@pytest.mark.parametrize("language", ["sw", "yo", "ceb", "zh-Hant", "sr-Latn-RS", "es-419"])
def test_languages_are_bcp_47_tags(language: str):
    assert spec_of(language=language).language == language


def test_a_tokenizer_is_trained_unless_one_is_given():
    assert Tokenizer().train is not None
    assert Tokenizer(uri="s3://t").train is None


@pytest.mark.parametrize(
    "changes", [{"kind": "Adaptation"}, {"apiVersion": "v1"}, {"metadata": {"name": "Has Spaces"}}]
)
def test_another_kind_or_name_is_refused(changes: dict[str, Any]):
    fields = {
        "apiVersion": "lingraft.dev/v1alpha1",
        "kind": "LanguageAdaptation",
        "metadata": {"name": "swahili", "labels": {"team": "a"}},
        "spec": spec_of().model_dump(by_alias=True),
    }
    metadata = LanguageAdaptation.model_validate(fields).metadata
    assert (metadata.name, metadata.namespace) == ("swahili", "default")
    with pytest.raises(ValidationError):
        LanguageAdaptation.model_validate(fields | changes)
