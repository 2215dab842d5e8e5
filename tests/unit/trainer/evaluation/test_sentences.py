"""Sentences for people: both tokenizers' pieces, and guesses that are the models' own."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForMaskedLM, PreTrainedTokenizerBase

from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.evaluation.sentences import (
    CHARACTERS,
    GUESSES,
    SENTENCES,
    WORDS,
    pieces_of,
    sentences_of,
    tokens_per_word,
)
from lingraft_trainer.stages.graft import graft
from lingraft_trainer.tokenization.base import load_base_tokenizer
from lingraft_trainer.tokenization.special import default_special_tokens
from lingraft_trainer.tokenization.train import train_tokenizer
from tests.support import families
from tests.support.bases import TEXT
from tests.support.tiny import context, pack, tiny_corpus
from tests.support.translated import FOREIGN, THEIRS, base_of, learned


def trained(texts: list[str], kind: Any, size: int) -> PreTrainedTokenizerBase:
    template = default_special_tokens(64)
    return train_tokenizer(texts, type=kind, vocab_size=size, template=template)


def shown_of(model_type: str, folder: Path) -> tuple[list[dict[str, Any]], Path]:
    base = base_of(model_type, folder / "base")
    ctx = context(
        folder / "graft",
        {"language": "sw", "method": "Standard", "init": "overlap", "seed": 3, "tasks": []},
        base=base,
        corpus=tiny_corpus(model_type, THEIRS, folder / "corpus"),
        embed=learned(model_type, base, folder / "embed"),
    )
    ctx.ancestors = families.embed_manifest
    return graft(ctx).metrics["sentences"], base


@pytest.mark.parametrize("model_type", ["roberta", "bert", "modernbert"])
def test_a_perfect_graft_guesses_what_the_base_guesses_of_the_same_sentence(
    model_type: str, tmp_path: Path
) -> None:
    found, base = shown_of(model_type, tmp_path)
    own = {theirs: ours for ours, theirs in FOREIGN.items()}
    tokenizer: Any = load_base_tokenizer(base)
    model = AutoModelForMaskedLM.from_pretrained(base).eval()
    assert len(found) == SENTENCES
    for one in found:
        start, end = one["hidden"]
        before, word, after = one["text"][:start], one["text"][start:end], one["text"][end:]
        assert word in THEIRS, "a whole word is hidden"
        words = [own[w] for w in before.split()], [own[w] for w in after.split()]
        text = " ".join([*words[0], tokenizer.mask_token, *words[1]])
        read = tokenizer(text, return_tensors="pt")
        at = int((read["input_ids"][0] == tokenizer.mask_token_id).nonzero())
        with torch.no_grad():
            logits = model(**read).logits[0, at]
        logits[tokenizer.all_special_ids] = -torch.inf
        best = torch.softmax(logits, dim=-1).topk(GUESSES)
        wanted = [FOREIGN[w] for w in tokenizer.convert_ids_to_tokens(best.indices.tolist())]
        assert [word for word, _ in one["graftedGuesses"]] == wanted
        shares = [share for _, share in one["graftedGuesses"]]
        assert shares == pytest.approx(best.values.tolist(), abs=1e-3)
        assert len(one["untouchedGuesses"]) == GUESSES


def test_of_a_causal_model_there_are_pieces_and_no_guesses(tmp_path: Path) -> None:
    found, _ = shown_of("llama", tmp_path)
    assert found and all("hidden" not in one for one in found)
    assert all("".join(one["graftedPieces"]) == one["text"] for one in found)


def test_sentences_are_short_and_the_same_every_time(tmp_path: Path) -> None:
    texts = [" ".join(f"neno{i}{'x' * (i % 9)}" for i in range(n, n + 30)) for n in range(40)]
    tokenizer: Any = trained(texts, "unigram", 29)
    pack(tokenizer, texts, tmp_path / "text")
    found = sentences_of(PackedText(tmp_path / "text"), tokenizer)
    assert len(found) == SENTENCES
    assert all(len(one.text.split()) <= WORDS and len(one.text) <= CHARACTERS for one in found)
    assert found == sentences_of(PackedText(tmp_path / "text"), tokenizer)
    characters: Any = trained(["a b c d e f g h"] * 5, "unigram", 15)
    counted = tokens_per_word(PackedText(tmp_path / "text"), tokenizer, tokenizer)
    assert counted is not None and counted["untouched"] == counted["grafted"] > 1
    other = tokens_per_word(PackedText(tmp_path / "text"), characters, tokenizer)
    assert other is not None and other["untouched"] != other["grafted"] == counted["grafted"]


@pytest.mark.parametrize(("kind", "size"), [("unigram", 108), ("bpe", 330)])
def test_pieces_give_the_text_back(kind: Any, size: int) -> None:
    text = "Habari ya asubuhi, dünya 🙂 ni nzuri 今日は"
    tokenizer: Any = trained([*TEXT, text], kind, size)
    pieces = pieces_of(text, tokenizer)
    assert "".join(pieces) == text
    assert len(pieces) == len(tokenizer(text, add_special_tokens=False)["input_ids"])


def test_a_script_without_spaces_has_sentences_too(tmp_path: Path) -> None:
    texts = [
        f"今日は天気がとても良いので第{n}回の散歩に行きました。明日も行きます。" for n in range(30)
    ]
    tokenizer: Any = trained(texts, "unigram", 43)
    pack(tokenizer, texts, tmp_path / "text")
    found = sentences_of(PackedText(tmp_path / "text"), tokenizer)
    assert tokens_per_word(PackedText(tmp_path / "text"), tokenizer, tokenizer) is None
    assert found
    for one in found:
        assert one.hidden is not None and one.text[slice(*one.hidden)].isalnum()
