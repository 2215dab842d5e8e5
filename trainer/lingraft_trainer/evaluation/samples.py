"""What a model writes, shown as it is: continuations of a few prompts before and after the graft.

No score says how a text reads. Each prompt is continued by the untouched base in its own tokens and
by the grafted one, greedily and by sampling, with the same seed and settings.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from transformers import GenerationConfig, PreTrainedModel
from transformers import PreTrainedTokenizerBase as Tokenizer

from lingraft.params import Generation, GraftParams
from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.machine.device import roomy
from lingraft_trainer.models.checkpoint import LoadedModel
from lingraft_trainer.running.context import StageContext
from lingraft_trainer.tokenization.base import load_base_tokenizer
from lingraft_trainer.tokenization.chat import answer_end
from lingraft_trainer.tokenization.frame import Frame, frame_of
from lingraft_trainer.tokenization.generation import ends_of

SAMPLED = {"temperature": 0.8, "top_p": 0.95}
"""How the sampled continuations are drawn, by transformers' names."""
PROMPTS, PROMPT_TOKENS = 3, 16
"""Beginnings of held-out documents, where no prompts are given."""


def prompts_of(asked: Generation, heldout: PackedText, tokenizer: Tokenizer) -> list[str]:
    """The prompts that are asked for, or the beginnings of documents that were held out.

    Args:
        asked: The resource's.
        heldout: Packed text of the new language.
        tokenizer: Its tokenizer.
    """
    if asked.prompts:
        return list(asked.prompts)
    found: list[str] = []
    for ids in _beginnings(heldout, frame_of(tokenizer, causal=True)):
        text = str(tokenizer.decode(ids, skip_special_tokens=True)).strip()
        whole, space, _ = text.rpartition(" ")
        text = (whole if space else text).rstrip("\ufffd")
        if text and text not in found:
            found.append(text)
        if len(found) == PROMPTS:
            break
    return found


def _beginnings(heldout: PackedText, frame: Frame) -> Iterator[list[int]]:
    """First tokens of documents, the documents far apart."""
    begins = list(frame.prefix)
    order = np.random.default_rng(0).permutation(heldout.rows)
    for row in order:
        tokens, segments = heldout.take(np.array([row]))
        for piece in range(1, int(segments.max()) + 1):
            ids = tokens[0][segments[0] == piece].tolist()
            text = ids[len(begins) :]
            if ids[: len(begins)] == begins and len(text) >= PROMPT_TOKENS:
                yield text[:PROMPT_TOKENS]
                break


def framed(prompts: Sequence[str], tokenizer: Tokenizer) -> list[list[int]]:
    """Prompts in tokens, as packed text begins a document."""
    frame = frame_of(tokenizer, causal=True)
    texts: Any = [tokenizer(one, add_special_tokens=False)["input_ids"] for one in prompts]
    return [[*frame.prefix, *ids] for ids in texts]


def continuations(
    model: Any, tokenizer: Tokenizer, prompts: list[list[int]], asked: Generation, seed: int
) -> list[dict[str, str]]:
    """Each prompt's continuations, `greedy` and `sampled`; empty where the model ends at once.

    Args:
        model: A causal language model.
        tokenizer: The model's.
        prompts: In its tokens; one that is too long loses its beginning.
        asked: How many tokens; half of the model's positions at most.
        seed: Of the draws.
    """
    frame = frame_of(tokenizer, causal=True)
    positions = int(model.config.max_position_embeddings)
    new_tokens = min(asked.max_new_tokens, positions // 2)
    rows = [ids[new_tokens - positions :] for ids in prompts]
    longest = max(map(len, rows))
    ids_BS = torch.tensor([[frame.pad_id] * (longest - len(row)) + row for row in rows])
    seen_BS = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
    given = {"input_ids": ids_BS.to(model.device), "attention_mask": seen_BS.to(model.device)}
    # A model that has learned to answer ends as its chat template does, eos or not.
    closing = answer_end(tokenizer)
    ends = [*ends_of(model), *frame.suffix, *(() if closing is None else (closing,))]
    said: dict[str, list[str]] = {}
    for name, drawn in (("greedy", {}), ("sampled", {"top_k": 0, **SAMPLED})):
        settings = GenerationConfig(
            max_new_tokens=new_tokens,
            do_sample=bool(drawn),
            eos_token_id=sorted(set(ends)),
            pad_token_id=frame.pad_id,
            **drawn,
        )
        with torch.random.fork_rng(), _own_settings_aside(model):
            torch.manual_seed(seed)
            written: Any = model.generate(**given, generation_config=settings)
        said[name] = [
            _behind(tokenizer, ids, new, ends)
            for ids, new in zip(rows, written[:, longest:].tolist(), strict=True)
        ]
    return [dict(zip(said, both, strict=True)) for both in zip(*said.values(), strict=True)]


@contextmanager
def _own_settings_aside(model: Any) -> Iterator[None]:
    """Without a checkpoint's penalties and the like: what is shown is what the model says."""
    own = model.generation_config
    model.generation_config = GenerationConfig()
    try:
        yield
    finally:
        model.generation_config = own


def _behind(tokenizer: Any, before: list[int], new: list[int], ends: list[int]) -> str:
    """The text of new tokens behind others, up to the first that ends it."""
    stop = next((i for i, token in enumerate(new) if token in ends), len(new))
    shown = tokenizer.decode(before, skip_special_tokens=True)
    whole = tokenizer.decode([*before, *new[:stop]], skip_special_tokens=True)
    # A character whose bytes both sides share is in neither.
    return str(whole[len(shown) :]) if whole.startswith(shown) else str(whole)


@dataclass(frozen=True)
class Samples:
    """What an untouched model wrote, until its graft writes too.

    Attributes:
        prompts: In the new language, for people.
        cut: The same in the tokens of a tokenizer.
        asked: How much is written.
        seed: Of the draws.
        untouched: The model's, one a prompt.
    """

    prompts: list[str]
    cut: Callable[[Tokenizer], list[list[int]]]
    asked: Generation
    seed: int
    untouched: list[dict[str, str]]

    def beside(self, model: PreTrainedModel, tokenizer: Tokenizer) -> list[dict[str, Any]]:
        """Each prompt with what stands behind it, before and after."""
        grafted = continuations(model, tokenizer, self.cut(tokenizer), self.asked, self.seed)
        told = zip(self.prompts, self.untouched, grafted, strict=True)
        return [
            {"prompt": prompt, "untouched": before, "grafted": after}
            for prompt, before, after in told
        ]


def untouched_samples(
    ctx: StageContext, loaded: LoadedModel, tokenizer: Tokenizer, params: GraftParams
) -> Samples | None:
    """Have a causal base write before the graft is made in it; None where there is no prompt."""
    prompts = prompts_of(asked_of(params), PackedText(ctx.inputs["corpus"] / "heldout"), tokenizer)
    return sampled(ctx, loaded, prompts, partial(framed, prompts), params) if prompts else None


def sampled(
    ctx: StageContext,
    loaded: LoadedModel,
    prompts: list[str],
    cut: Callable[[Tokenizer], list[list[int]]],
    params: GraftParams,
) -> Samples:
    """Have a model write that has the base's own vocabulary."""
    placed: Any = loaded.model
    model = placed.to(roomy(ctx.device, placed)).eval()
    own, asked = load_base_tokenizer(ctx.inputs["base"]), asked_of(params)
    said = continuations(model, own, cut(own), asked, params.seed)
    return Samples(prompts, cut, asked, params.seed, said)


def asked_of(params: GraftParams) -> Generation:
    """What is to be written, by default too."""
    return params.generation or Generation()


def settings_of(params: GraftParams) -> dict[str, Any]:
    """How it is written, as `samples.json` has it."""
    return {
        "maxNewTokens": asked_of(params).max_new_tokens,
        "seed": params.seed,
        "sampled": {"temperature": SAMPLED["temperature"], "topP": SAMPLED["top_p"]},
    }
