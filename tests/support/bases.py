"""Tiny base tokenizers of three families, made by transformers' own classes."""

import json
import random
from typing import Any

from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    BertTokenizer,
    PreTrainedTokenizerBase,
    RobertaTokenizer,
    XLMRobertaTokenizer,
)

SWAHILI = [
    "habari",
    "ya",
    "asubuhi",
    "nyumba",
    "kubwa",
    "mtoto",
    "mdogo",
    "anasoma",
    "kitabu",
    "leo",
    "kesho",
    "chakula",
    "kizuri",
    "maji",
    "baridi",
    "mwalimu",
    "shule",
    "rafiki",
]
WORDS = [
    *SWAHILI,
    "été",
    "élève",
    "Ünïcode",
    "ệ",
    "각",
    "한국",
    "カバ",
    "क्षि",
    "ไทย",
    "العَرَبِيَّة",
    "fin",
    "~",
    "A1",
    ".",
    ",",
    "'",
    "123",
]
_CHANCE = random.Random(0)
TEXT = [" ".join(_CHANCE.choices(WORDS, k=8)) for _ in range(600)]
NASTY = [
    "Habari ya asubuhi",
    "  mtoto   mdogo  ",
    "e\u0301le\u0300ve \u1100\u1161\u11a8 \uff76\uff9e",
    "\uff21\uff11\u3000\uff5e \u2460\u0301",
    "👩\u200d👩\u200d👧 👍🏽 kitabu",
    "\u2581habari\u2581\u2581ya\u2581",
    "\u2581\u0301 \ufffd\u0301 \u1680",
    "a\u00a0b\tc\nd\r\n\u2028e\u0085",
    "\u4e16\u754c zzz QQQ",
    "क्षि ไทย العَرَبِيَّة\u200c \ufeff\u00ad",
    "",
    " ",
    "\x00\x7f",
]


def bert() -> PreTrainedTokenizerBase:
    """BERT's WordPiece; [PAD] is 0 and the others lie behind unused entries, as in the original."""
    special = ["[PAD]", *(f"[unused{i}]" for i in range(5)), "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    letters = sorted({c for word in WORDS for c in word.lower()})
    vocab = [*special, *letters, *(f"##{c}" for c in letters)]
    return BertTokenizer(vocab={t: i for i, t in enumerate(vocab)}, model_max_length=512)


def roberta() -> PreTrainedTokenizerBase:
    """RoBERTa's byte-level BPE; <mask> is the last id and takes the space before it."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        special_tokens=["<s>", "<pad>", "</s>", "<unk>"],
        show_progress=False,
    )
    backend.train_from_iterator(TEXT, trainer)
    vocab = backend.get_vocab() | {"<mask>": backend.get_vocab_size()}
    merges = [tuple(m) for m in json.loads(backend.to_str())["model"]["merges"]]
    mask = AddedToken("<mask>", lstrip=True, special=True)
    make: Any = RobertaTokenizer  # takes more than its annotations say
    return make(vocab=vocab, merges=merges, mask_token=mask, model_max_length=512)


def xlm_roberta() -> PreTrainedTokenizerBase:
    """XLM-R's unigram."""
    letters = sorted({c for word in WORDS for c in word})
    vocab = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("\u2581", -2.0)]
    vocab += [(c, -5.0) for c in letters] + [("<mask>", 0.0)]
    return XLMRobertaTokenizer(vocab=vocab, model_max_length=512)


BASES = {"bert": bert, "roberta": roberta, "xlm-roberta": xlm_roberta}
