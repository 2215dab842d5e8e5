"""Language tags: `it` is `it-IT`, and `zh-Hans` is not `zh-Hant`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingraft.formats.iso639 import SHORT
from lingraft.formats.languages import CODES, primary, same_language


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("it", "it", True),
        ("it", "it-IT", True),
        ("IT", "it_it", True),
        ("it-IT", "it-CH", False),
        ("zh", "zh-Hans", True),
        ("zh-Hans", "zh_CN", True),
        ("zh-Hans", "zh-Hans-SG", True),
        ("zh-Hans", "zh-Hant", False),
        ("sr-Latn", "sr-Cyrl-RS", False),
        ("es", "es-419", True),
        ("es-419", "es-ES", False),
        ("pt-BR", "pt-PT", False),
        ("zh-Hans", "zh-TW", False),
        ("zh-Hant", "zh_HK", True),
        ("zho_Hans", "zh-CN", True),
        ("cmn", "zh", True),
        ("sw", "swh", True),
        ("swh_Latn", "sw-KE", True),
        ("arb_Arab", "ar", True),
        ("arb_Latn", "ar-Arab", False),
        ("arz_Arab", "ar", False),
        ("prs_Arab", "fa", False),
        ("pes_Arab", "fa-IR", True),
        ("nob_Latn", "no", True),
        ("nno_Latn", "no", False),
        ("als_Latn", "sq", True),
        ("ceb_Latn", "ceb", True),
        ("ace", "ac", False),
        ("id", "it", False),
        (" fr ", "fr", True),
        ("", "fr", False),
    ],
)
def test_tags_that_mean_the_same(one: str, other: str, same: bool):
    assert same_language(one, other) is same
    assert same_language(other, one) is same


TAGS = st.from_regex(
    r"[A-Za-z]{2,3}([-_][A-Za-z]{4})?([-_]([A-Za-z]{2}|[0-9]{3}))?", fullmatch=True
)


@given(TAGS)
def test_a_tag_is_itself_and_its_language(tag: str):
    assert same_language(tag, tag.swapcase())
    assert same_language(tag, tag.replace("-", "_"))
    assert same_language(tag, primary(tag))


def test_every_code_has_one_meaning():
    longer = {code for code in SHORT if len(code) == 3}
    assert set(SHORT.values()) == CODES - {"no"}
    assert not set(SHORT) & set(SHORT.values())
    assert len(longer) > 200
