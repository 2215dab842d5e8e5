"""Instruction tuning from end to end: tuned in one language, answering in another."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from lingraft_trainer.packs.load import write_full
from lingraft_trainer.stages.finetune import finetune
from lingraft_trainer.stages.graft import graft
from lingraft_trainer.tokenization.chat import answer_end
from tests.support import families
from tests.support.tiny import MATRIX, context, tiny_corpus
from tests.support.translated import THEIRS, base_of, foreign, learned, write

CHAT = (
    "{% for m in messages %}{{ bos_token + ' ' + m['content'] + ' ' + eos_token + ' ' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ bos_token }}{% endif %}"
)
CLOSED = CHAT.replace("eos_token", "'<pad>'")
"""As of Qwen's bases: another special token than the eos ends a turn."""
NOUNS, VERBS = ("cat", "dog", "bird"), ("sat", "ran", "saw", "on", "and")


def talks(folder: Path, template: str | None) -> Path:
    """A folder's tokenizer, with a chat template."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    return folder


def rows_of(count: int) -> list[dict[str, Any]]:
    """The answer names whom the prompt tells of."""
    return [
        {
            "prompt": f"{NOUNS[i % 3]} {NOUNS[i % 3]} {VERBS[i % 5]} {VERBS[i // 5 % 5]}",
            "completion": f" {NOUNS[i % 3]}",
        }
        for i in range(count)
    ]


def answers(folder: Path, rows: list[dict[str, Any]]) -> list[str]:
    """What a checkpoint says to prompts through its chat template, as anybody has it answer."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    said: list[str] = []
    for row in rows:
        talk = [{"role": "user", "content": row["prompt"]}]
        given: Any = tokenizer.apply_chat_template(
            talk, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        ids = model.generate(
            input_ids=given["input_ids"],
            attention_mask=given["attention_mask"],
            max_new_tokens=6,
            do_sample=False,
        )
        new = ids[0, given["input_ids"].shape[1] :]
        assert int(new[-1]) in (answer_end(tokenizer), tokenizer.eos_token_id) or len(new) == 6
        said.append(str(tokenizer.decode(new, skip_special_tokens=True)))
    return said


def tuned_and_grafted(model_type: str, folder: Path, template: str | None) -> tuple[Any, Any, Path]:
    """The finetune and graft contexts' results; the base."""
    base = talks(base_of(model_type, folder / "base", layers=2), template)
    model: Any = AutoModelForCausalLM.from_pretrained(base)
    model.config.eos_token_id = model.generation_config.eos_token_id = 2
    model.save_pretrained(base)
    params = {
        "format": "instruction",
        "sourceLanguage": "en",
        "epochs": 12,
        "batchSize": 16,
        "learningRate": 1e-2,
        "maxLength": 24,
        "dropout": 0.0,
        "seed": 0,
        "answerEnd": True,
    }
    tuned = context(
        folder / "tuned", params, base=base, train=write(folder / "train.jsonl", rows_of(120))
    )
    tuned_result = finetune(tuned)
    corpus = tiny_corpus(model_type, THEIRS, folder / "corpus")
    talks(corpus / "tokenizer", template)
    test = rows_of(15)
    theirs = [{key: foreign(value) for key, value in row.items()} for row in test]
    task = {"name": "ask", "format": "instruction", "maxLength": 24, "seeds": [0]}
    ctx = context(
        folder / "graft",
        {"language": "sw", "method": "Standard", "init": "overlap", "seed": 0, "tasks": [task]},
        base=base,
        corpus=corpus,
        embed=learned(model_type, base, folder / "embed"),
        **{
            "finetune:ask:0": tuned.out,
            "test:ask": write(folder / "test.jsonl", theirs),
            "source_test:ask": write(folder / "source.jsonl", test),
        },
    )
    ctx.ancestors = families.embed_manifest
    return (tuned, tuned_result), (ctx, graft(ctx)), base


@pytest.mark.parametrize("model_type", ["llama", "olmo2"])
def test_a_tuned_base_answers_through_its_chat_template_in_the_new_language(
    model_type: str, tmp_path: Path
) -> None:
    (tuned, result), (grafted, evaluated), base = tuned_and_grafted(model_type, tmp_path, CHAT)
    losses = result.metrics["dev"]
    assert set(losses) == {"bitsPerByte", "loss"} and losses["loss"] < 1.5
    assert result.metrics["examples"] + 1 < 120 and result.compute.flops > 0
    old, new = (load_file(path / "model.safetensors") for path in (base, tuned.out))
    rows = {name for name in old if name.endswith((*MATRIX, "lm_head.weight"))}
    assert {name for name in old if torch.equal(old[name], new[name])} == rows, "the body learned"

    (entry,) = evaluated.metrics["evaluation"]
    for metric in ("bitsPerByte", "loss"):
        assert entry["metrics"][metric]["stderr"] is not None
        assert entry["floors"][metric]["untouched"]["mean"] > entry["metrics"][metric]["mean"]
        assert entry["floors"][metric]["majority"] is None
    loss = entry["metrics"]["loss"]["mean"]
    assert loss == pytest.approx(entry["sourceMetrics"]["loss"]["mean"], rel=1e-5)
    assert entry["labels"] is None and entry["degenerate"] == []

    test = rows_of(15)
    own = answers(tuned.out, test)
    write_full(tuned.out, grafted.out / "pack", tmp_path / "model")
    theirs = answers(tmp_path / "model", [{"prompt": foreign(row["prompt"])} for row in test])
    assert theirs == [foreign(one) for one in own]
    shown = [
        one for one in evaluated.metrics["samples"]["prompts"] if one["prompt"].startswith("ask: ")
    ]
    assert [one["prompt"] for one in shown] == [
        f"ask: {foreign(row['prompt'])}" for row in test[:2]
    ]
    assert [one["grafted"]["greedy"].split() for one in shown] == [
        one.split() for one in theirs[:2]
    ]
    right = [
        one.split() == foreign(row["completion"]).split()
        for one, row in zip(theirs, test, strict=True)
    ]
    assert sum(right) / len(right) > (0.8 if model_type == "llama" else 0.3)


def test_a_base_without_a_template_is_tuned_on_plain_text(tmp_path: Path) -> None:
    _, (grafted, evaluated), _ = tuned_and_grafted("llama", tmp_path, None)
    (entry,) = evaluated.metrics["evaluation"]
    assert entry["metrics"]["loss"]["mean"] == pytest.approx(
        entry["sourceMetrics"]["loss"]["mean"], rel=1e-5
    )
    lines = (grafted.out / "predictions/ask-0.jsonl").read_text().splitlines()
    assert len(lines) == entry["examples"] == 15


def ends_in(folder: Path) -> Any:
    return json.loads((folder / "generation_config.json").read_text())["eos_token_id"]


def test_a_tuned_base_stops_where_its_answers_end(tmp_path: Path) -> None:
    (tuned, _), (grafted, evaluated), base = tuned_and_grafted("llama", tmp_path, CLOSED)
    own, new = (
        PreTrainedTokenizerFast.from_pretrained(one) for one in (tuned.out, grafted.out / "pack")
    )
    assert ends_in(base) == own.eos_token_id != answer_end(own)
    assert ends_in(tuned.out) == [own.eos_token_id, answer_end(own)]
    write_full(tuned.out, grafted.out / "pack", tmp_path / "model")
    for folder in (grafted.out / "pack", tmp_path / "model"):
        assert ends_in(folder) == [new.eos_token_id, answer_end(new)]
    test = rows_of(9)
    theirs = answers(tmp_path / "model", [{"prompt": foreign(row["prompt"])} for row in test])
    assert theirs == [foreign(one) for one in answers(tuned.out, test)]
    assert max(len(one.split()) for one in theirs) == 1
    shown = evaluated.metrics["samples"]["prompts"][-2:]
    assert [one["grafted"]["greedy"].split() for one in shown] == [
        one.split() for one in theirs[:2]
    ]
