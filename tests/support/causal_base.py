"""What a tiny causal base is written from: its tokenizer, and its files by tokens' names."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tokenizers import (
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers.convert_slow_tokenizer import bytes_to_unicode

from tests.support.bases import TEXT

SPACE = "\u2581"


@dataclass(frozen=True)
class Base:
    """A tokenizer as a family publishes it, and what its checkpoint says of tokens by name."""

    backend: Tokenizer
    config: dict[str, Any]
    kept: tuple[str, ...]
    dropped: tuple[str, ...] = ()
    ids: dict[str, Any] = field(default_factory=dict[str, Any])
    generation: dict[str, Any] = field(default_factory=dict[str, Any])

    def write(self, folder: Path) -> Path:
        """Its tokenizer's and config's files."""
        folder.mkdir(parents=True, exist_ok=True)
        self.backend.save(str(folder / "tokenizer.json"))
        shape = dict(
            model_type="llama",
            architectures=["LlamaForCausalLM"],
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=256,
            vocab_size=self.backend.get_vocab_size(),
            tie_word_embeddings=True,
        )
        for name, content in (
            ("tokenizer_config.json", self.config),
            ("config.json", shape | self.numbers(self.ids)),
            ("generation_config.json", self.numbers(self.generation)),
        ):
            (folder / name).write_text(json.dumps(content))
        return folder

    def numbers(self, names: Mapping[str, Any]) -> dict[str, Any]:
        """Settings with ids in place of the tokens' names."""

        def number(value: Any) -> Any:
            if isinstance(value, list):
                return [number(one) for one in value]
            known = self.backend.token_to_id(value) if isinstance(value, str) else None
            return value if known is None else known

        return {name: number(value) for name, value in names.items()}


def _trained(backend: Tokenizer, first: Iterable[str], size: int, alphabet: list[str]) -> Tokenizer:
    trainer = trainers.BpeTrainer(
        vocab_size=size, initial_alphabet=alphabet, special_tokens=list(first), show_progress=False
    )
    backend.train_from_iterator(TEXT, trainer)
    return backend


def byte_level(
    pre: Any, first: Iterable[str], behind: Iterable[Any] = (), lacking: Iterable[int] = ()
) -> Tokenizer:
    """BPE of bytes, but for some that no text has."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre
    backend.decoder = decoders.ByteLevel()
    backend.post_processor = processors.ByteLevel(trim_offsets=False)
    alphabet = set(pre_tokenizers.ByteLevel.alphabet()) - {bytes_to_unicode()[b] for b in lacking}
    _trained(backend, first, 340, sorted(alphabet))
    for token in behind:
        backend.add_tokens([token])
    return backend


def split(pattern: str) -> Any:
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def metaspace(first: tuple[str, ...], behind: Iterable[Any] = ()) -> Tokenizer:
    """SentencePiece's BPE: no pre-tokeniser, characters, bytes for all others."""
    in_bytes = [f"<0x{byte:02X}>" for byte in range(256)]
    words = Tokenizer(models.BPE())
    words.normalizer = normalizers.Replace(" ", SPACE)
    words.pre_tokenizer = pre_tokenizers.Split(Regex(f"{SPACE}[^{SPACE}]*"), "isolated")
    _trained(words, (), 90, [SPACE])
    learned = json.loads(words.to_str())["model"]
    by_id = sorted(learned["vocab"], key=learned["vocab"].__getitem__)
    vocabulary = {piece: i for i, piece in enumerate([*first, *in_bytes, *by_id])}
    merges = [tuple(pair) for pair in learned["merges"]]
    backend = Tokenizer(
        models.BPE(
            vocab=vocabulary, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True
        )
    )
    backend.normalizer = normalizers.Sequence(
        [normalizers.Prepend(SPACE), normalizers.Replace(" ", SPACE)]
    )
    backend.decoder = decoders.Sequence(
        [
            decoders.Replace(SPACE, " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    backend.add_special_tokens(list(first))
    for token in behind:
        backend.add_tokens([token])
    return backend
