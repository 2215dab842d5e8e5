# ruff: noqa: RUF001
"""Which characters are pieces: ASCII, alphabets, bytes, the base's, and what gives way."""

import string
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingraft_trainer.tokenization.alphabet import BYTES, Alphabet, alphabets, choose_alphabet

ITALIAN = Counter("nel principio era la parola e la parola era presso dio".replace(" ", "") * 50)


def choose(
    counts: Counter[str], pieces: int, language: str | None = None, others: str = ""
) -> Alphabet:
    return choose_alphabet(
        counts, pieces, language=language, others=others, plain=lambda char: char not in " \t"
    )


def test_italian_of_one_book_holds_all_of_ascii_and_its_accents() -> None:
    found = choose(ITALIAN, 4000, "it")
    assert found.bytes
    assert set(string.printable.strip()) - set(" \t\n\r\x0b\x0c") <= set(found.characters)
    assert set("éèàìòùÉÈÀÌÒÙçœß’“”«»–…") <= set(found.characters)
    assert not set("яあ\t ") & set(found.characters)


@pytest.mark.parametrize(
    ("language", "text", "letters"),
    [
        ("ru", "слово", "абвгдеёжзийклмнопрстуфхцчшщъыьэюяЁЪЭєіїґ"),
        ("uk", "слово", "ґєіїҐЄІЇ"),
        ("kk", "сөз қазақ әлем үй", "әғқңөұүһіӘҒҚҢӨҰҮҺІ"),
        ("fa", "گفت که می\u200cخواهم پیش", "ابپتثجچحخدذرزژسشصضطظعغفقکگلمنوهیءآأؤ۰۱۲۳۴۵۶۷۸۹،؛؟ًٌٍَُِّْ"),
        ("th", "คำ", "กขฃคฅฆงจฉชซฌญฎฏฐฑฒณดตถทธนบปผฝพฟภมยรลวศษสหฬอฮะาำิีึืุูเแโใไๅๆ็่้๊๋์ฯ๐๑๙"),
        ("hi", "शब्द", "अआइईउऊऋएऐओऔकखगघङचछजझञटठडढणतथदधनपफबभमयरलवशषसहािीुूृेैोौंःँ्ऽ।०९"),
        ("te", "పదం", "అఆకఖగఘఙచఛజఝఞటఠడఢణతథదధనపఫబభమయరలవశషసహళఱాిీుూృెేైొోౌంఃఁ్౦౯"),
        ("vi", "người việt nam ơi ăn đĩ lạ", "ăâđêôơưĂÂĐÊÔƠƯạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịỵỹỳỷỮỰ"),
        ("pl", "zażółć gęślą jaźń", "ąćęłńóśźżĄĆĘŁŃÓŚŹŻ"),
        ("ha", "ɓ ɗ ƙ ba da ka", "ɓɗƙƁƊƘ"),
        ("ja", "言葉", "あいうえおんがぱゃっアイウエオンガパャッー"),
        ("ko", "말씀", "ㄱㄴㄷㅋㅎㅏㅣㅠ"),
        ("el", "λόγος", "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰΆΈΉΊΌΎΏ"),
        ("sr", "реч", "ђјљњћџЂЈЉЊЋЏđžćčšĐŽĆČŠ"),
        ("ee", "ɔ\u0301 ŋ ɖ ƒ ʋ", "ɔƆŋŊɖƉƒƑɛɣʋ\u0300\u0301\u0302\u0303\u030c\u0323"),
        ("zz", "слово", "ёъ"),
        (None, "слово", "ёъ"),
    ],
)
def test_an_alphabet_is_whole_whatever_the_text_has_of_it(
    language: str | None, text: str, letters: str
) -> None:
    counts = Counter(text.replace(" ", ""))
    found = alphabets(counts, counts.keys(), language)
    assert not set(letters) - found
    assert len(found) < 600


def test_of_han_and_hangul_it_is_the_texts_own() -> None:
    counts = Counter("中文字說話人民日報" * 10 + "말씀이 계시니라".replace(" ", "") * 10)
    found = choose(counts, 4000, "zh").characters
    assert set(counts) <= set(found)
    assert sum("\u4e00" <= char <= "\u9fff" for char in found) == 9
    assert sum("\uac00" <= char <= "\ud7a3" for char in found) == 7


def test_the_bases_characters_and_rare_ones_have_a_sixteenth() -> None:
    base = "".join(chr(0x4E00 + i) for i in range(2000))
    rare = Counter(chr(0x1F600 + i) for i in range(300))
    counts = Counter({char: times * 1000 for char, times in ITALIAN.items()}) + rare
    found = set(choose(counts, 1600, "it", base).characters)
    assert {char for char in found if char in base} == set(base[:100])
    assert {char for char in found if char in rare} == set(sorted(rare)[:100])
    syllable = counts + Counter("각")
    assert "각" not in choose(syllable, 4000, "it").characters, "bytes write it"
    assert "각" in choose(syllable, 500, "it").characters
    many = set(choose(counts, 50_000, "it", base).characters)
    assert set(base) | set(rare) <= many


def test_what_gives_way_in_a_small_vocabulary() -> None:
    everything = choose(ITALIAN, 10_000, "it")
    exactly = everything.least
    assert choose(ITALIAN, exactly, "it").bytes
    below = choose(ITALIAN, exactly - 1, "it")
    assert not below.bytes and "é" in below.characters, "first the bytes go"
    ascii_only = choose(ITALIAN, 250, "it")
    assert "j" in ascii_only.characters and "ž" not in ascii_only.characters, "then alphabets"
    own = choose(ITALIAN, 60, "it")
    assert "~" not in own.characters and set(ITALIAN) <= set(own.characters), "then ASCII"


@given(
    st.dictionaries(
        st.characters(exclude_categories=["Cs", "Zs"]), st.integers(1, 10**6), max_size=30
    ),
    st.integers(1, 60_000),
    st.sampled_from([None, "it", "ru", "ja", "zgh", "sr", "en-Deva"]),
    st.text(max_size=50),
)
def test_half_of_what_the_text_leaves_is_for_longer_pieces(
    counts: dict[str, int], pieces: int, language: str | None, others: str
) -> None:
    found = choose(Counter(counts), pieces, language, others)
    total = sum(counts.values())
    written = sum(times for char, times in counts.items() if char in set(found.characters))
    assert written >= 0.9995 * total
    own = len(choose(Counter(counts), 0, language).characters)
    extra = len(found.characters) - own + len(BYTES) * found.bytes
    assert 0 <= extra <= max(0, (pieces - own) // 2)
    assert found.bytes == (pieces >= found.least)
    assert list(found.characters) == sorted(set(found.characters))
