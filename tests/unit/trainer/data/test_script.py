# ruff: noqa: RUF001
"""Scripts of languages and letters."""

import pytest

from lingraft_trainer.data.languages import LANGUAGES, SCRIPTS
from lingraft_trainer.data.script import ScriptCheck, expected_scripts, script_of


@pytest.mark.parametrize(
    ("language", "text", "warns"),
    [
        ("sw", "habari ya leo", False),
        ("sw", "привет мир", True),
        ("ru", "привет world мир", False),
        ("ja", "日本語のテキスト", False),
        ("ko", "한국어 텍스트", False),
        ("sr-Latn", "привет мир", True),
        ("zz", "привет мир", False),
        (None, "привет мир", False),
        ("sw", "123 ...", False),
        ("kkh-Lana", "ᨾᨶᩩᩔ", False),
        ("zgh", "ⴰⵣⵓⵍ", False),
        ("mn-Mong", "ᠬᠦᠮᠦᠨ", False),
        ("mn-Mong", "хүн", True),
        ("ff-Adlm", "𞤀𞤣𞤤𞤢𞤥", False),
        ("hmn", "ua ntej", False),
        ("chr", "ᎣᏏᏲ ꭳꮟᏺ", False),
    ],
)
def test_script(language: str | None, text: str, warns: bool) -> None:
    check = ScriptCheck(language)
    check.add(text)
    assert (check.warning() is not None) == warns


def test_script_subtags() -> None:
    assert expected_scripts("zh-Hant-TW") == {"CJK", "BOPOMOFO"}
    assert expected_scripts("pt-BR") == {"LATIN"}
    assert expected_scripts("sl-1994") == {"LATIN"}, "a variant is no script"
    assert expected_scripts("sr") == {"CYRILLIC", "LATIN"}
    assert expected_scripts("az-Arab-IR") == {"ARABIC"}
    assert expected_scripts("xx") is expected_scripts("en-Qaaa") is None


@pytest.mark.parametrize(
    ("letters", "script"),
    [
        ("aéʋ\uff21", "LATIN"),
        ("\uff76カー", "KATAKANA"),
        ("々中", "CJK"),
        ("ᨠ", "TAI THAM"),
        ("ꪀ", "TAI VIET"),
        ("ᦀ", "NEW TAI LUE"),
        ("𞄀", "NYIAKENG PUACHUE HMONG"),
        ("ᐁ", "CANADIAN SYLLABICS"),
        ("1.-\u0301ʼ", None),
    ],
)
def test_script_of_a_letter(letters: str, script: str | None) -> None:
    assert {script_of(letter) for letter in letters} == {script}


def test_the_tables_agree_with_unicode() -> None:
    """Each script has letters, so that its name is Unicode's; codes are lower and title case."""
    letters = {script_of(chr(code)) for code in range(0x20000)}
    assert set().union(*SCRIPTS.values()) <= letters
    assert all(code == code.lower() and 2 <= len(code) <= 3 for code in LANGUAGES)
    assert all(code == code.title() and len(code) == 4 for code in SCRIPTS)
