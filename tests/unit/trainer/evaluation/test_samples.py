"""What models write: before and after, the same with the same seed, nothing of the frame."""

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

from lingraft.params import Generation
from lingraft_trainer.data.packing import PackedText, PackWriter
from lingraft_trainer.evaluation.samples import PROMPT_TOKENS, continuations, framed, prompts_of
from lingraft_trainer.stages.graft import graft
from lingraft_trainer.tokenization.base import load_base_tokenizer
from lingraft_trainer.tokenization.frame import frame_of
from tests.support import families
from tests.support.causal import BASES, CHATML, tiny_llama
from tests.support.tiny import context, tiny_corpus
from tests.support.translated import FOREIGN, THEIRS, base_of, foreign, learned

PROMPTS = ["the cat sat on", "a dog"]


def grafted(model_type: str, folder: Path, **params: Any) -> tuple[dict[str, Any], Path]:
    base = base_of(model_type, folder / "base")
    ctx = context(
        folder / "graft",
        {"language": "sw", "method": "Standard", "init": "overlap", "seed": 3, "tasks": []}
        | params,
        base=base,
        corpus=tiny_corpus(model_type, THEIRS, folder / "corpus"),
        embed=learned(model_type, base, folder / "embed"),
    )
    ctx.ancestors = families.embed_manifest
    metrics = graft(ctx).metrics
    assert json.loads((ctx.out / "samples.json").read_text()) == metrics["samples"]
    return metrics["samples"], base


@pytest.mark.parametrize("model_type", ["llama", "gemma2"])
def test_a_prompt_is_gone_on_with_in_the_new_language_as_in_the_old(
    model_type: str, tmp_path: Path
) -> None:
    """With embeddings as good as can be both models say the same, each in its own words."""
    asked = {"prompts": [foreign(one) for one in PROMPTS], "maxNewTokens": 6}
    found, base = grafted(model_type, tmp_path, generation=asked)
    assert found["settings"] == {
        "maxNewTokens": 6, "seed": 3, "sampled": {"temperature": 0.8, "topP": 0.95}
    }  # fmt: skip
    assert [one["prompt"] for one in found["prompts"]] == asked["prompts"]
    tokenizer = load_base_tokenizer(base)
    model = AutoModelForCausalLM.from_pretrained(base).eval()
    wanted = Generation(max_new_tokens=6)
    own = continuations(model, tokenizer, framed(PROMPTS, tokenizer), wanted, 3)
    assert [one["grafted"]["greedy"].split() for one in found["prompts"]] == [
        foreign(one["greedy"]).split() for one in own
    ]
    assert own == continuations(model, tokenizer, framed(PROMPTS, tokenizer), wanted, 3)
    drawn = [
        [
            one["sampled"]
            for one in continuations(model, tokenizer, framed(PROMPTS, tokenizer), wanted, seed)
        ]
        for seed in range(3, 8)
    ]
    assert len({str(one) for one in drawn}) > 1
    # Of a batch each is what it is alone: padding has no say.
    for prompt, both in zip(PROMPTS, own, strict=True):
        alone = framed([prompt], tokenizer)
        assert continuations(model, tokenizer, alone, wanted, 3)[0]["greedy"] == both["greedy"]


def test_without_prompts_held_out_documents_are_gone_on_with(tmp_path: Path) -> None:
    found, _ = grafted("llama", tmp_path)
    prompts = [one["prompt"] for one in found["prompts"]]
    assert 1 <= len(prompts) <= 3 and found["settings"]["maxNewTokens"] == 48
    assert all(set(one.split()) <= set(FOREIGN.values()) for one in prompts)
    assert all(set(one) == {"prompt", "untouched", "grafted"} for one in found["prompts"])


def test_a_prompt_is_a_documents_beginning_in_whole_words(tmp_path: Path) -> None:
    """Not of a piece that goes on from the row before, and without what frames it."""
    base = BASES["llama-3"]().write(tmp_path / "base")
    tokenizer = load_base_tokenizer(base)
    frame = frame_of(tokenizer, causal=True)
    fields = {name: getattr(frame, name) for name in frame.__dataclass_fields__}
    writer = PackWriter(tmp_path / "heldout", sequence_length=24, **fields)
    texts = [
        "One document begins here, and it is long enough: " * 3,
        "Another one starts with é. " * 3,
    ]
    for text in texts:
        writer.add(tokenizer(text, add_special_tokens=False)["input_ids"], len(text.encode()))
    writer.close()
    heldout = PackedText(tmp_path / "heldout")
    assert heldout.rows > 2
    found = prompts_of(Generation(), heldout, tokenizer)
    assert len(found) == 2
    for prompt in found:
        (text,) = [one for one in texts if one.startswith(prompt)]
        assert text[len(prompt)] == " "
        assert len(tokenizer(prompt, add_special_tokens=False)["input_ids"]) <= PROMPT_TOKENS


def test_a_long_prompt_keeps_its_end_and_leaves_room(tmp_path: Path) -> None:
    base = base_of("llama", tmp_path / "base")
    tokenizer = load_base_tokenizer(base)
    model: Any = AutoModelForCausalLM.from_pretrained(base).eval()
    half = model.config.max_position_embeddings // 2
    long = framed(["the cat sat on a mat " * 20], tokenizer)
    asked = Generation(max_new_tokens=500)
    whole, cut = (
        continuations(model, tokenizer, one, asked, 0) for one in (long, [long[0][-half:]])
    )
    assert whole == cut


def test_a_checkpoints_own_settings_stay_and_do_not_rule(tmp_path: Path) -> None:
    """A checkpoint's penalties and forbidden words are its makers'; where it stops is kept."""
    folder = BASES["qwen"]().write(tmp_path / "base")
    tiny_llama(folder)
    model: Any = AutoModelForCausalLM.from_pretrained(folder).eval()
    tokenizer = load_base_tokenizer(folder)
    prompt = framed(["The ferry"], tokenizer)
    ends = model.generation_config.eos_token_id
    assert isinstance(ends, list) and len(ends) == 2
    said = continuations(model, tokenizer, prompt, Generation(max_new_tokens=8), 0)
    model.generation_config.repetition_penalty = 9.0
    assert said == continuations(model, tokenizer, prompt, Generation(max_new_tokens=8), 0)
    assert model.generation_config.repetition_penalty == 9.0
    assert np.unique(list(said[0])).tolist() == ["greedy", "sampled"]


def test_what_is_shown_stops_where_the_chat_template_ends_an_answer(tmp_path: Path) -> None:
    """Of a base of Qwen's the eos is the end of a document, and answers end in another token."""
    base = BASES["qwen"]()
    base.config.update(chat_template=CHATML, eos_token="<|endoftext|>")
    base.ids["eos_token_id"] = base.generation["eos_token_id"] = "<|endoftext|>"
    model: Any = tiny_llama(base.write(tmp_path)).eval()
    tokenizer: Any = load_base_tokenizer(tmp_path)
    said = [*tokenizer.encode("cha"), tokenizer.convert_tokens_to_ids("<|im_end|>")]
    model.lm_head.register_forward_hook(says(said))
    asked = tokenizer.encode("<|im_start|>user\nx<|im_end|>\n<|im_start|>assistant\n")
    (found,) = continuations(model, tokenizer, [asked], Generation(max_new_tokens=24), 0)
    assert found == {"greedy": "cha", "sampled": "cha"}


def says(ids: list[int]) -> Any:
    """A hook of a head that says these ids, over and over."""
    turns = itertools.cycle(ids)

    def hook(module: Any, given: Any, logits: torch.Tensor) -> torch.Tensor:
        certain = torch.full_like(logits, -1e4)
        certain[..., next(turns)] = 0.0
        return certain

    return hook
