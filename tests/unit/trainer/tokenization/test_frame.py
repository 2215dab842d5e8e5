"""What stands around a text: a masked model's template, or the end of a document."""

from pathlib import Path

import pytest

from lingraft_trainer.tokenization.base import load_base_tokenizer
from lingraft_trainer.tokenization.frame import frame_of
from tests.support import bases, causal


@pytest.mark.parametrize(
    ("name", "first", "last", "pad"),
    [
        ("smollm2", "<|endoftext|>", "<|endoftext|>", "<|im_end|>"),
        ("llama-3", "<|begin_of_text|>", "<|end_of_text|>", "<|end_of_text|>"),
        ("qwen", "<|endoftext|>", "<|endoftext|>", "<|endoftext|>"),
        ("llama-2", "<s>", "</s>", "</s>"),
        ("phi-3", "<|endoftext|>", "<|endoftext|>", "<|endoftext|>"),
    ],
)
def test_of_a_causal_base(name: str, first: str, last: str, pad: str, tmp_path: Path) -> None:
    tokenizer = load_base_tokenizer(causal.BASES[name]().write(tmp_path))
    frame = frame_of(tokenizer, causal=True)
    number = tokenizer.get_vocab().__getitem__
    assert (frame.prefix, frame.suffix) == ((number(first),), (number(last),))
    assert (frame.pad_id, frame.mask_id, frame.causal) == (number(pad), None, True)
    assert {number(first), number(last)} <= set(frame.special_ids)


def test_of_a_masked_base() -> None:
    tokenizer = bases.BASES["roberta"]()
    frame = frame_of(tokenizer, causal=False)
    assert (frame.prefix, frame.suffix, frame.causal) == ((0,), (2,), False)
    assert frame.mask_id == tokenizer.mask_token_id and frame.pad_id == 1
