# ruff: noqa: RUF001
"""What a tokenizer reads in a text's place: looks go, letters and joiners stay."""

import re
import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lingraft_trainer.tokenization.normalize import folded, text_normalizer

READ = text_normalizer().normalize_str
CHARACTERS = [chr(c) for c in range(sys.maxunicode + 1) if not 0xD800 <= c < 0xE000]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Ａ１！ﬁﬃ", "A1!fiffi"),
        ("ｶﾞｷﾞﾎﾟﾟ ｱﾊﾟｰﾄ", "ガギポ\u309a アパート"),
        ("a\u00a0b\u3000c\u2003d\u2028e\tf\r\n\x00g\x7fh\u0085i", "a b c d e f g h i"),
        ("  a   b  ", "a b"),
        ("\u2581a\u2581\u2581b", "a b"),
        ("ភាសា\u200bខ្មែរ", "ភាសា ខ្មែរ"),
        ("ﻋَﺮَﺑِﻲّ ﻻ", "عَرَبِيّ لا"),
        ("Ａ\u0301 ﬁ\u0301 \u00a0\u0301", "Á fí \u0301"),
        ("𝐀𝒷ℂ ⼭ ﹐︙ ŀl ĳ ǆ", "AbC 山 ,︙ l·l ij dž"),
        ("e\u0301 \u1100\u1161\u11a8 \u212b", "é 각 Å"),
    ],
)
def test_looks_are_folded(text: str, read: str) -> None:
    assert READ(text) == read


@pytest.mark.parametrize(
    "text",
    [
        "می\u200cخواهم نمی\u200cشود ہے\u200c",  # Persian, Urdu
        "ಕಂಪ್ಯೂಟರ್\u200cನ ವೆಬ್\u200cಸೈಟ್ ర్\u200dయ ක්\u200dරි",  # Kannada, Telugu, Sinhala
        "น้ำ ทำ ຄຳ ໜຶ່ງ ໝາ",  # sara am, and letters that NFKC takes apart
        "ᠨᠡᠷ\u180eᠡ ᠡᠷᠬᠡ\u202fᠲᠡᠢ ᠠ\u180b",
        "և ٵٶٷٸ ⴰⵯ ჼ",  # letters of Armenian, Kazakh, Berber, Georgian
        "kʷ xʷ saⁿ hⁱ 1º 2ª",
        "l´acqua ˈa ¨ ¸",  # no space into a word
        "10² m³ H₂O ½ 2½ ① … № ™ ℹ\ufe0f",
        "ㅋㅋㅋ ㅠㅠ ㄱㅏ",
        "👩\u200d👩\u200d👧\ufe0f 🇫🇷 \u2066a\u2069 \u200fא ״ \ufffd",
        "ſ ϐ µ ﷺ",
    ],
)
def test_what_scripts_tell_apart_stays(text: str) -> None:
    assert READ(text) == text


def test_a_narrow_space_joins_in_mongolian_only() -> None:
    assert READ("« oui\u202f! » \u202fᠲᠡᠢ ᠠ\u202f") == "« oui ! » \u202fᠲᠡᠢ ᠠ"


def test_no_letter_mark_or_digit_is_lost_or_torn() -> None:
    """Of no character in Unicode comes nothing, nor a space and something."""
    for char in CHARACTERS:
        if unicodedata.category(char)[0] in "LMNPS" and char != "\u2581":
            read = READ(f"a{char}b")
            parts = unicodedata.normalize("NFD", read)
            assert len(parts) > 2 and " " not in read, f"U+{ord(char):04X}"


def test_what_is_folded_is_nfkcs() -> None:
    """Never more than NFKC folds, and no canonical equivalent: NFC does those."""
    assert len(folded()) > 2000
    for char, text in folded().items():
        assert unicodedata.normalize("NFKC", char) == unicodedata.normalize("NFKC", text)
        assert unicodedata.decomposition(char).startswith("<")


FOLDS, MARKS = sorted(folded()), [chr(c) for c in (*range(0x300, 0x340), *range(0x5B0, 0x5BE))]
PARTS = st.sampled_from(FOLDS) | st.sampled_from(
    [*MARKS, *"ab \u200d\u200c\u0e33\uff9e\u202f\u1820"]
)


@settings(max_examples=400)
@given(st.lists(PARTS | st.characters(exclude_categories=["Cs", "Cn"]), max_size=8).map("".join))
def test_it_is_the_table_then_nfc_then_single_spaces(text: str) -> None:
    text = text.replace("\ufdd0", "")
    plain = unicodedata.normalize("NFC", "".join(folded().get(char, char) for char in text))
    spaces = r"(?:(?!\u202f[\u1820-\u18aa])[\s\x00-\x1f\x7f-\x9f\u200b\u2581])+"
    assert READ(text) == re.sub(spaces, " ", plain).strip(" ")


@settings(max_examples=300)
@given(st.lists(PARTS | st.text(max_size=2), max_size=8).map("".join))
def test_twice_is_once(text: str) -> None:
    assert READ(READ(text)) == READ(text)
