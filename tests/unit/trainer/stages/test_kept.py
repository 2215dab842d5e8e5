"""What is not in the text stays the base's: the end of a turn, for which `<unk>` stands here."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tokenizers import AddedToken
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.embeddings import kept
from lingraft_trainer.embeddings.kept import known_added, seen_in
from lingraft_trainer.packs.load import write_full
from lingraft_trainer.stages.embed import EMBEDDINGS, embed
from lingraft_trainer.stages.graft import graft
from lingraft_trainer.stages.snapshots import snapshot_file
from lingraft_trainer.tokenization.base import load_base_tokenizer
from tests.support import families
from tests.support.causal import BASES
from tests.support.tiny import (
    LENGTH,
    SOURCE_WORDS,
    TARGET_WORDS,
    context,
    pack,
    tiny_tokenizer,
    training,
)
from tests.unit.trainer.stages.test_causal import base_of, corpus_of, mini_model

END = "<unk>"
NAMES = {"weight": "embed_tokens", "output": "lm_head"}
PARAMS: dict[str, Any] = {"method": "Standard", "init": "mean"}
STEPS = 40


def trained(base: Path, corpus: Path, folder: Path, **params: Any) -> tuple[Path, dict[str, Any]]:
    """The embed stage's artifact and metrics."""
    run = training("llama", steps=STEPS)
    asked = PARAMS | {"training": run} | params
    ctx = context(folder, asked, model=base, base=base, corpus=corpus)
    return ctx.out, embed(ctx).metrics


def chance_of(token: str, folder: Path) -> float:
    """That a checkpoint says a token behind every word of some target text, on average."""
    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    number = tokenizer.convert_tokens_to_ids(token)
    ids: Any = tokenizer(" ".join(TARGET_WORDS[:12]), return_tensors="pt")["input_ids"]
    with torch.no_grad():
        return float(model(input_ids=ids).logits.softmax(dim=-1)[0, :, number].mean())


@pytest.mark.parametrize("calibrate", [True, False])
@pytest.mark.parametrize("model_type", ["llama", "qwen2"])  # tied, and with a decoder of its own
def test_rows_of_what_is_not_in_the_text_are_the_bases(
    model_type: str, calibrate: bool, tmp_path: Path
) -> None:
    base, corpus = base_of(model_type, tmp_path / "base"), corpus_of(model_type, tmp_path)
    asked: dict[str, Any] = {"keepUnseen": True, "calibrate": calibrate, "snapshots": [0, STEPS]}
    out, metrics = trained(base, corpus, tmp_path / "embed", **asked)
    before = load_file(base / "model.safetensors")
    tokenizer = tiny_tokenizer(model_type, TARGET_WORDS)
    unseen = tokenizer.convert_tokens_to_ids([END, "<pad>"])
    assert metrics["rowsKept"] == 2
    for file in (out / EMBEDDINGS, *(out / snapshot_file(step) for step in (0, STEPS))):
        for name, rows in load_file(file).items():
            theirs = next(rows for key, rows in before.items() if NAMES[name] in key)
            assert torch.equal(rows[unseen], theirs[unseen])
            first = tokenizer.convert_tokens_to_ids("<s>")  # read, and never to be told
            learned = not torch.equal(rows[first], theirs[first])
            assert learned or "step-0" in file.name


@pytest.mark.parametrize("model_type", ["llama", "qwen2"])
def test_the_end_of_a_turn_is_still_said(model_type: str, tmp_path: Path) -> None:
    base, corpus = base_of(model_type, tmp_path / "base"), corpus_of(model_type, tmp_path)
    chance: dict[bool, float] = {}
    for keeps in (False, True):
        place = tmp_path / str(keeps)
        params = {"calibrate": True} | ({"keepUnseen": True} if keeps else {})
        out, _ = trained(base, corpus, place / "embed", **params)
        asked = {"language": "fr", "method": "Standard", "init": "mean", "seed": 0, "tasks": []}
        ctx = context(place / "graft", asked, base=base, corpus=corpus, embed=out)
        ctx.ancestors = families.embed_manifest
        graft(ctx)
        write_full(base, ctx.out / "pack", place / "full")
        chance[keeps] = chance_of(END, place / "full")
    assert chance[True] > 0.8 * chance_of(END, base) and chance[True] > 2 * chance[False]


@pytest.mark.parametrize("method", ["Next", "Top"])
@pytest.mark.parametrize("model_type", ["llama", "qwen2"])
def test_through_a_mini_model_they_are_the_whole_bases(
    model_type: str, method: str, tmp_path: Path
) -> None:
    base, corpus = base_of(model_type, tmp_path / "base"), corpus_of(model_type, tmp_path)
    mini = mini_model(method, model_type, base, tmp_path)
    params = {"method": "MiniPost", "keepUnseen": True, "training": training("llama", steps=4)}
    ctx = context(tmp_path / "embed", PARAMS | params, model=mini, base=base, corpus=corpus)
    assert embed(ctx).metrics["rowsKept"] == 2
    before, found = load_file(base / "model.safetensors"), load_file(ctx.out / EMBEDDINGS)
    unseen = tiny_tokenizer(model_type, TARGET_WORDS).convert_tokens_to_ids([END, "<pad>"])
    for name, key in NAMES.items():
        if name in found:
            theirs = next(rows for other, rows in before.items() if key in other)
            assert torch.equal(found[name][unseen], theirs[unseen])


def test_a_base_of_another_type_gets_its_own_rows_back(tmp_path: Path) -> None:
    base, corpus = base_of("qwen2", tmp_path / "base"), corpus_of("qwen2", tmp_path)
    model: Any = AutoModelForCausalLM.from_pretrained(base)
    model.to(torch.bfloat16).save_pretrained(base)
    out, _ = trained(base, corpus, tmp_path / "embed", keepUnseen=True, init="normal")
    before, found = load_file(base / "model.safetensors"), load_file(out / EMBEDDINGS)
    unseen = tiny_tokenizer("qwen2", TARGET_WORDS).convert_tokens_to_ids([END, "<pad>"])
    for name, key in NAMES.items():
        theirs = next(rows for other, rows in before.items() if key in other)
        assert theirs.dtype == torch.bfloat16
        assert torch.equal(found[name].bfloat16()[unseen], theirs[unseen])


def test_a_token_of_the_last_row_alone_is_in_the_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = tiny_tokenizer("llama", TARGET_WORDS)
    text = "le chat assis sur un tapis"
    pack(tokenizer, [text] * 200 + [f"{text} {END}"], tmp_path)
    packed = PackedText(tmp_path)
    assert packed.rows > 20
    for at_once in (1, 5 * LENGTH, 1 << 20):
        monkeypatch.setattr(kept, "AT_ONCE", at_once)
        seen_V = seen_in(packed)
        assert seen_V[tokenizer.convert_tokens_to_ids(END)]
        assert not seen_V[tokenizer.convert_tokens_to_ids("<pad>")]
        assert seen_V[tokenizer.convert_tokens_to_ids("chat")] and len(seen_V) == len(tokenizer)


def test_pieces_of_the_base_are_known_by_what_they_say(tmp_path: Path) -> None:
    """Bytes are written as letters: the piece \u00ff is the byte 0xFF and not the letter."""
    source = load_base_tokenizer(BASES["qwen"]().write(tmp_path))
    word = next(one[1:] for one in source.get_vocab() if one[0] == "\u0120" and one[1:].isalpha())
    target: Any = tiny_tokenizer("llama", TARGET_WORDS)
    added = ("\u00ff", f" {word}", "<think>")
    target.add_tokens([AddedToken(one, special=False) for one in added])
    pairs = known_added(source, target)
    names = {target.convert_ids_to_tokens(new): old for new, old in pairs.items()}
    assert "\u00ff" in source.get_vocab() and "\u00ff" not in names
    for token, piece in ((f" {word}", f"\u0120{word}"), ("<think>", "<think>")):
        assert names[token] == source.convert_tokens_to_ids(piece)


def test_added_tokens_are_known_by_name_whatever_they_are_written_in() -> None:
    tokenizers: Any = tuple(tiny_tokenizer("llama", one) for one in (SOURCE_WORDS, TARGET_WORDS))
    source, target = tokenizers
    plain, chat = AddedToken("नमस्ते", special=False), AddedToken("<|im_end|>", special=True)
    source.add_tokens([plain, chat])
    target.add_tokens([chat, AddedToken("<|only_here|>", special=True), plain])
    pairs = known_added(source, target)
    for token in ("नमस्ते", "<|im_end|>", "<s>", END):
        assert pairs[target.convert_tokens_to_ids(token)] == source.convert_tokens_to_ids(token)
    assert target.convert_tokens_to_ids("<|only_here|>") not in pairs
