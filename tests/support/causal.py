"""Tiny causal bases: the tokenizers of the families people have, with few pieces, and a Llama."""

from pathlib import Path

import torch
from tokenizers import (
    AddedToken,
    normalizers,
    pre_tokenizers,
    processors,
)
from transformers import LlamaConfig, LlamaForCausalLM

from tests.support.causal_base import Base, byte_level, metaspace, split

LLAMA_3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN = LLAMA_3.replace(r"\p{N}{1,3}", r"\p{N}")
CHATML = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
HEADERS = (
    "{{ bos_token }}{% for m in messages %}{{ '<|start_header_id|>' + m['role'] + "
    "'<|end_header_id|>\n\n' + m['content'] | trim + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}"
    "{% endif %}"
)
ROLES = (
    "{% for m in messages %}{{ '<|' + m['role'] + '|>' + m['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


LACKING = (4, 6, 19, 20, 22, 29, 0xC0, 0xC1, 0xF1, 0xF2, *range(0xF5, 256))
"""Bytes that SmolLM2's vocabulary has no piece of."""


def smollm2() -> Base:
    """The instruct model: its eos is the end of a turn, its unknown token the end of a document."""
    digits = [pre_tokenizers.Digits(True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    unused = ("<repo_name>", "<file_sep>", "<issue_start>")
    first = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", *unused)
    roles = {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "pad_token": "<|im_end|>"}
    ids = {f"{role}_id": token for role, token in roles.items()}
    return Base(
        byte_level(pre_tokenizers.Sequence(digits), first, lacking=LACKING),
        {"chat_template": CHATML, "unk_token": "<|endoftext|>", "model_max_length": 128, **roles},
        kept=first[:3],
        dropped=unused,
        ids=ids,
        generation=ids,
    )


def llama_3() -> Base:
    """The instruct model: special tokens behind the pieces, several ends, no padding."""
    reserved = [f"<|reserved_special_token_{i}|>" for i in range(4)]
    kept = ("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>")
    kept += ("<|eom_id|>", "<|eot_id|>")
    behind = [AddedToken(token, special=True) for token in (*kept[:2], *reserved, *kept[2:])]
    backend = byte_level(split(LLAMA_3), (), behind)
    begin = ("<|begin_of_text|>", backend.token_to_id("<|begin_of_text|>"))
    backend.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(
                single=f"{begin[0]}:0 $A:0",
                pair=f"{begin[0]}:0 $A:0 {begin[0]}:1 $B:1",
                special_tokens=[begin],
            ),
        ]
    )
    ends = ["<|end_of_text|>", "<|eom_id|>", "<|eot_id|>"]
    ids = {"bos_token_id": "<|begin_of_text|>", "eos_token_id": ends}
    return Base(
        backend,
        {
            "chat_template": HEADERS,
            "bos_token": "<|begin_of_text|>",
            "eos_token": "<|eot_id|>",
            "clean_up_tokenization_spaces": True,
        },
        kept=kept,
        dropped=tuple(reserved),
        ids=ids,
        generation=ids | {"do_sample": True, "temperature": 0.6, "top_p": 0.9},
    )


def qwen() -> Base:
    """NFC, no first token, a thought that is no special token, left-out words."""
    special = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|fim_prefix|>", "<|image_pad|>")
    behind = [AddedToken(token, special=True) for token in special]
    behind += [AddedToken(token, special=False) for token in ("<tool_call>", "<think>")]
    backend = byte_level(split(QWEN), (), behind)
    backend.normalizer = normalizers.NFC()
    template = CHATML.replace("assistant\n' }}", "assistant\n<think>\n' }}")
    return Base(
        backend,
        {
            "chat_template": template,
            "eos_token": "<|im_end|>",
            "pad_token": "<|endoftext|>",
            "additional_special_tokens": ["<|im_start|>", "<|im_end|>", "<|image_pad|>"],
        },
        kept=(*special[:3], "<think>"),
        dropped=("<|fim_prefix|>", "<|image_pad|>", "<tool_call>"),
        ids={"bos_token_id": "<|endoftext|>", "eos_token_id": "<|im_end|>"},
        generation={
            "eos_token_id": ["<|im_end|>", "<|endoftext|>"],
            "pad_token_id": "<|endoftext|>",
            "suppress_tokens": ["<|image_pad|>", "a"],
            "bad_words_ids": [["<|image_pad|>"], ["h", "a"]],
            "repetition_penalty": 1.1,
        },
    )


def llama_2() -> Base:
    """A base without padding and without a chat: `<s>` in front."""
    backend = metaspace(("<unk>", "<s>", "</s>"))
    backend.post_processor = processors.TemplateProcessing(
        single="<s>:0 $A:0", pair="<s>:0 $A:0 <s>:1 $B:1", special_tokens=[("<s>", 1)]
    )
    roles = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    ids = {"bos_token_id": "<s>", "eos_token_id": "</s>"}
    config = {**roles, "add_bos_token": True, "add_eos_token": False, "legacy": False}
    return Base(backend, config, kept=("<unk>", "<s>", "</s>"), ids=ids | {"pad_token_id": -1})


def phi_3() -> Base:
    """Llama 2's with a chat of tokens that its template puts together by the role."""
    chat = ("<|endoftext|>", "<|assistant|>", "<|end|>", "<|system|>", "<|user|>")
    held = ("<|placeholder1|>", "<|placeholder2|>")
    behind = [AddedToken(token, special=True) for token in (*chat, *held)]
    roles = {"bos_token": "<s>", "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>"}
    ids = {f"{role}_id": token for role, token in roles.items()}
    return Base(
        metaspace(("<unk>", "<s>", "</s>"), behind),
        {"unk_token": "<unk>", "chat_template": ROLES, "padding_side": "left", **roles},
        kept=("<unk>", "<s>", *chat),
        dropped=held,
        ids=ids,
        generation={**ids, "eos_token_id": ["<|endoftext|>", "<|assistant|>", "<|end|>"]},
    )


BASES = {
    "smollm2": smollm2,
    "llama-3": llama_3,
    "qwen": qwen,
    "llama-2": llama_2,
    "phi-3": phi_3,
}


def tiny_llama(folder: Path) -> LlamaForCausalLM:
    """A Llama of random weights of a folder's config, saved beside it."""
    torch.manual_seed(0)
    config = LlamaConfig.from_pretrained(folder)
    model = LlamaForCausalLM(config)
    kept = (folder / "config.json").read_text(), (folder / "generation_config.json").read_text()
    model.save_pretrained(folder)
    (folder / "config.json").write_text(kept[0])
    (folder / "generation_config.json").write_text(kept[1])
    return model
