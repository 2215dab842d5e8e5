"""Language tags: `it` is `it-IT`, and `zh-Hans` is not `zh-Hant`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingraft.formats.languages import primary, same_language


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
        ("sw", "swh", False),
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
