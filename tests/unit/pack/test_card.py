"""A card says what the Hub reads and what a person must know; the Hub's library judges."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard, parse_eval_result_entries
from huggingface_hub.repocard_data import EvalResult

from lingraft.pack.card import Kind, card, pipeline_tag
from lingraft.pack.evaluations import TAGS, eval_results
from lingraft.resource.formats import KINDS
from tests.support.facts import facts


@pytest.mark.parametrize("kind", ["pack", "model"])
def test_the_hub_reads_its_front_matter(kind: Kind, tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_text(card(facts(), kind), encoding="utf-8")
    data: Any = ModelCard.load(file).data
    assert data.language == ["fr"] and data.base_model == "FacebookAI/roberta-base"
    assert data.to_dict()["base_model_relation"] == ("adapter" if kind == "pack" else "finetune")
    assert data.library_name == ("lingraft" if kind == "pack" else "transformers")
    assert data.pipeline_tag == "fill-mask"
    assert data.license is None, "that is for whoever publishes it to say"
    found = data.eval_results
    assert found is not None and all(isinstance(one, EvalResult) for one in found)
    assert [(one.dataset_type, one.metric_type, one.metric_value) for one in found] == [
        ("facebook/xnli", "accuracy", 0.7123),
        ("classification", "accuracy", 0.7123),
    ]
    assert {one.task_type for one in found} == {"text-classification"}


def test_a_person_reads_what_it_is_good_for() -> None:
    text = card(facts(), "model")
    for said in (
        "reads **fr**, and this language only",
        "(method: own layers with a bridge)",
        "fertility): 1.31",
        "| nli | accuracy | 0.712 | 0.011 | 0.410 | 0.330 |",
        "1.200 bits per byte (before training 2.000, the untouched base )",
        "3.00e+15 FLOPs (by formula), 1,234",
        "corpus.text: `" + "f" * 64,
    ):
        assert said in text, said
    assert "lingraft.load" not in text and "lingraft.load" in card(facts(), "pack")


def test_without_scores_or_a_name_on_the_hub(tmp_path: Path) -> None:
    bare = facts(base_model=None, formats={}, metrics={}, tokenizer={})
    file = tmp_path / "README.md"
    file.write_text(card(bare, "model"), encoding="utf-8")
    data: Any = ModelCard.load(file).data
    assert data.base_model is None and data.eval_results is None
    assert eval_results(bare) == []


def test_eval_results_are_those_of_the_hubs_data_sets() -> None:
    written = yaml.safe_load(yaml.safe_dump(eval_results(facts())))
    (one,) = parse_eval_result_entries(written)
    assert (one.dataset_id, one.task_id, one.value) == ("facebook/xnli", "fr", 0.7123)
    assert one.notes is not None and "+- 0.0110" in one.notes


def test_every_kind_of_task_has_the_hubs_name() -> None:
    assert TAGS.keys() == KINDS.keys()
    assert pipeline_tag(facts(), task="topic", encoder=False) == "text-classification"
    assert pipeline_tag(facts(), task=None, encoder=True) == "sentence-similarity"
    causal = facts(pack=facts().pack.model_copy(update={"model_type": "llama"}))
    assert pipeline_tag(causal, task=None, encoder=False) == "text-generation"
