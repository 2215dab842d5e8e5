"""Log-likelihoods and accuracies are those of lm-evaluation-harness, on the same local tasks."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from lingraft.families import family_of
from lingraft.formats import read_examples
from lingraft_trainer.tasks.chosen import score_choices
from lingraft_trainer.tokenization.base import load_base_tokenizer
from tests.support.causal import BASES
from tests.support.tiny import tiny_model

PADDED = 9
"""Rows of the decoder that no token has."""
CASES = {
    "llama-2": ("llama", True),  # begins every text with <s>
    "llama-3": ("llama", False),
    "qwen": ("qwen2", False),
    "smollm2": ("gemma2", True),  # logits are bent to stay below a cap
    "phi-3": ("phi3", False),
}
"""Tokenizer to the family of a model, and whether its decoder is tied."""
CHOICES = [
    {"context": "The ferry left at 7:40.", "question": "When did it leave?",
     "choices": ["at noon", "at 7:40", "never, for it rained"], "label": 1},
    {"context": "spaces  ", "choices": ["é", "two words", "\u4e2d\u6587 and more"], "label": 0},
    {"question": "No context", "choices": ["yes", "no"], "label": 1},
    {"context": "So long. " * 30, "question": "Who?", "choices": ["he", "she and he"], "label": 0},
    {"context": "x", "choices": ["a", "c", "b"], "label": 2},
    {"context": "<s>It began", "choices": ["at noon", "early"], "label": 0},
    {"context": "<|begin_of_text|>It began", "choices": ["at noon", "early"], "label": 0},
]  # fmt: skip
COPA = [
    {"premise": "The man was wet.", "choice1": "It rained.", "choice2": "It was hot at noon.",
     "question": "cause", "label": 0},
    {"premise": "He fell.", "choice1": "He broke a leg.", "choice2": "He ate.",
     "question": "cause", "label": 1},
]  # fmt: skip
PAIRS = [
    {"sen": "The cats sleep.", "wrong_sen": "The cats sleeps."},
    {"sen": "Elle est partie.", "wrong_sen": "Elle est parti."},
]
METRICS = {"accuracy": "acc", "accuracyNorm": "acc_norm", "accuracyBytes": "acc_bytes"}
LENGTH = 32
"""Tokens: the long context loses its beginning."""
TASKS: dict[str, tuple[str, list[dict[str, Any]], dict[str, Any]]] = {
    "choice": ("choice", CHOICES, {
        "doc_to_text": "{{[context, question] | select | join('\\n')}}",
        "doc_to_choice": "choices",
        "doc_to_target": "label",
    }),
    "multiblimp": ("multiblimp", PAIRS, {
        "doc_to_text": "",
        "target_delimiter": "",
        "doc_to_choice": "{{[sen, wrong_sen]}}",
        "doc_to_target": 0,
    }),
    "xcopa": ("xcopa", COPA, {
        "doc_to_text": "label",  # several contexts of one text, as winogrande's
        "doc_to_choice": "{{[choice1, choice2]}}",
        "doc_to_target": "premise",
    }),
}  # fmt: skip
"""Name to our format, rows, and what lm-evaluation-harness is told of the same file."""


def base_of(name: str, folder: Path) -> tuple[Any, Any]:
    """A tiny random model and the tokenizer of a kind."""
    model_type, tied = CASES[name]
    written = BASES[name]()
    written.write(folder)
    tokenizer = load_base_tokenizer(folder)
    rows = written.backend.get_vocab_size() + PADDED
    model: Any = tiny_model(model_type, vocabulary=rows, tied=tied)
    # Far from even: what is left out of a sum is seen.
    with torch.no_grad():
        model.get_output_embeddings().weight.mul_(3)
    return model, tokenizer


def theirs(model: Any, tokenizer: Any, files: dict[str, Path], length: int) -> Any:
    """Scores by task and metric, and each task's examples with what they scored."""
    from lm_eval.evaluator import evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    tasks: list[Any] = [
        {
            "task": name,
            "dataset_path": "json",
            "dataset_kwargs": {"data_files": {"test": str(files[name])}},
            "test_split": "test",
            "output_type": "multiple_choice",
            "metric_list": [{"metric": one} for one in METRICS.values()],
        }
        | told
        for name, (_, _, told) in TASKS.items()
    ]
    model_of: Any = HFLM  # its registry's decorator hides what it takes
    lm = model_of(
        pretrained=model, tokenizer=tokenizer, backend="causal", max_length=length, batch_size=3
    )
    found: Any = evaluate(lm, TaskManager(include_defaults=False).load(tasks), bootstrap_iters=0)
    return found["results"], found["samples"]


@pytest.mark.parametrize("name", CASES)
def test_each_choice_is_as_likely_as_there(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "datasets")
    model, tokenizer = base_of(name, tmp_path / "base")
    family = family_of(model.config.model_type)
    files: dict[str, Path] = {}
    for task, (_, rows, _) in TASKS.items():
        blank = {key: "" for key in ("context", "question")} if task == "choice" else {}
        files[task] = tmp_path / f"{task}.jsonl"
        files[task].write_text("".join(json.dumps(blank | row) + "\n" for row in rows))
    totals, samples = theirs(model, tokenizer, files, LENGTH)
    for task, (format, rows, _) in TASKS.items():
        examples = read_examples(files[task], format, "en", "test").rows
        ours = score_choices(model, family, tokenizer, examples, LENGTH)
        in_order = sorted(samples[task], key=lambda one: one["doc_id"])
        assert len(in_order) == len(rows)
        for sample, said in zip(in_order, ours.predictions, strict=True):
            likely = [score for score, _ in sample["filtered_resps"]]
            assert said["logLikelihoods"] == pytest.approx(likely, abs=1e-3, rel=1e-5)
        for metric, one in METRICS.items():
            # Of several contexts of one text it divides by the lengths of the contexts.
            if task != "xcopa" or one == "acc":
                assert ours.totals[metric] == pytest.approx(totals[task][f"{one},none"])
