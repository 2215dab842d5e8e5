"""Tiny base tokenizers of the families that came later, as their checkpoints have them."""

from typing import Any

from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import (
    CamembertTokenizer,
    MPNetTokenizer,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

from tests.support.bases import TEXT, WORDS

PIECES = 320


def modernbert() -> PreTrainedTokenizerBase:
    """Byte-level BPE; BERT's special tokens have the last ids, the padding among them."""
    backend = _byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False))
    special = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
    backend.add_special_tokens([AddedToken(s, lstrip=s == "[MASK]", special=True) for s in special])
    backend.post_processor = _template(backend, "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1")
    return _fast(backend, dict(zip(("unk", "cls", "sep", "pad", "mask"), special, strict=True)))


def mmbert() -> PreTrainedTokenizerBase:
    """Gemma 2's: BPE over characters that falls back to bytes; special tokens come first."""
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    letters = sorted({c for word in WORDS for c in word} | {"\u2581"})
    vocabulary = [*special, *(f"<0x{b:02X}>" for b in range(256)), *letters, "\u2581h", "\u2581m"]
    merges = [("\u2581", "h"), ("\u2581", "m")]
    ids = {piece: i for i, piece in enumerate(vocabulary)}
    backend = Tokenizer(models.BPE(ids, merges, unk_token="<unk>", byte_fallback=True))
    backend.normalizer = normalizers.Replace(" ", "\u2581")
    backend.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    backend.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()]
    )
    backend.add_special_tokens([AddedToken(token, special=True) for token in special])
    backend.post_processor = _template(backend, "<bos> $A <eos>", "<bos> $A <eos> $B <eos>")
    names = dict(zip(("pad", "eos", "bos", "unk", "mask"), special, strict=True))
    return _fast(backend, names | {"cls": "<bos>", "sep": "<eos>"})


def eurobert() -> PreTrainedTokenizerBase:
    """Llama 3's: byte-level BPE without a token for what is unknown; it pads with the end."""
    words = Regex(r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+|\s+")
    bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    cut = pre_tokenizers.Split(words, "isolated")
    backend = _byte_level(pre_tokenizers.Sequence([cut, bytes_]))
    first, last, mask = "<|begin_of_text|>", "<|end_of_text|>", "<|mask|>"
    backend.add_special_tokens([AddedToken(token, special=True) for token in (first, last, mask)])
    backend.post_processor = _template(
        backend, f"{first} $A {last}", f"{first} $A {last} $B {last}"
    )
    return _fast(backend, {"bos": first, "eos": last, "pad": last, "mask": mask})


def mpnet() -> PreTrainedTokenizerBase:
    """BERT's WordPiece under RoBERTa's special tokens, framed by two in the middle."""
    letters = sorted({c for word in WORDS for c in word.lower()})
    vocabulary = ["<s>", "<pad>", "</s>", "<unk>", "[UNK]", *letters]
    vocabulary += [*(f"##{c}" for c in letters), "<mask>"]
    make: Any = MPNetTokenizer
    return make(vocab={piece: i for i, piece in enumerate(vocabulary)}, model_max_length=512)


def camembert() -> PreTrainedTokenizerBase:
    """XLM-R's unigram, with names in front that nothing is read as."""
    letters = sorted({c for word in WORDS for c in word})
    first = ("<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED")
    vocabulary = [(token, 0.0) for token in first] + [("\u2581", -2.0)]
    make: Any = CamembertTokenizer
    return make(vocab=[*vocabulary, *((c, -5.0) for c in letters)], model_max_length=512)


def _byte_level(pre_tokenizer: Any) -> Tokenizer:
    backend = Tokenizer(models.BPE())
    backend.normalizer = normalizers.NFC()
    backend.pre_tokenizer = pre_tokenizer
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=PIECES,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    backend.train_from_iterator(TEXT, trainer)
    return backend


def _template(backend: Tokenizer, single: str, pair: str) -> Any:
    named = {part.partition(":")[0] for part in pair.split() if not part.startswith("$")}
    tokens = [(token, backend.token_to_id(token)) for token in sorted(named)]
    return processors.TemplateProcessing(single=single, pair=pair, special_tokens=tokens)


def _fast(backend: Tokenizer, roles: dict[str, str]) -> PreTrainedTokenizerBase:
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_input_names=["input_ids", "attention_mask"],
        model_max_length=512,
        **{f"{role}_token": token for role, token in roles.items()},
    )


NEWER = {
    "modernbert": modernbert,
    "mmbert": mmbert,
    "eurobert": eurobert,
    "mpnet": mpnet,
    "camembert": camembert,
}
