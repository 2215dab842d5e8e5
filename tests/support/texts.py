# ruff: noqa: RUF001
"""Text for tokenizers: enough of it for a vocabulary with bytes, and what is hard to write."""

import random
import sys
import unicodedata

_SYLLABLES = [c + v for c in ("b", "d", "k", "l", "m", "n", "r", "t", "ch", "qu") for v in "aeiouè"]


def invented(count: int = 3000, seed: int = 0) -> list[str]:
    """Lines of a language that does not exist: without j, w, é, digits and capitals."""
    chance = random.Random(seed)
    words = ["".join(chance.choices(_SYLLABLES, k=chance.randint(1, 4))) for _ in range(900)]
    return [" ".join(chance.choices(words, k=9)) + "." for _ in range(count)]


WITH_BYTES = 1000
"""Tokens of a unigram vocabulary on that text that has room for the 256 bytes."""
JOINERS = "\u200c\u200d\u202f\u180e\u034f\u2060"
HARD = [
    "two, j'ai été — “WWW” l'e\u0301te\u0301 ÉÈ",
    "https://example.org/~x_y?z=%20&w=1#a @me {json: [0]} \\ ^ `",
    "👩\u200d👩\u200d👧 👍🏽 🇫🇷 ℹ️ \U000e0041",
    "می\u200cخواهم نمی\u200cشود ක්\u200dෂ ನಾನ್\u200c ర్\u200c",
    "น้ำ ทำ ຄຳ ຫຼື ໜຶ່ງ և ᠥᠭᠡᠷ\u180eᠡ ᠥᠭᠡ\u202fᠲᠡᠢ",
    "<0x41> <0xE3><0x81> ＜s＞ ＜0x41＞ [ UNK] ▁▅\ufffd\ufdd0",
    "10² ½ x₁ ⁿ kʷ ⴰⵯ ㅋㅋ ㄱㅏ l´acqua º ª …",
    "\ufeffa\u00adb\u200ec\u2066d\u2069 \u0301 \u3099",
    " \t lead\n\n  and\u00a0trail \r\n",
]


def every_character(size: int = 400) -> list[str]:
    """Texts that hold each assigned character between them, private ones left out."""
    characters = [
        chr(code)
        for code in range(sys.maxunicode + 1)
        if unicodedata.category(chr(code)) not in ("Cn", "Co", "Cs")
    ]
    return ["".join(characters[i : i + size]) for i in range(0, len(characters), size)]
