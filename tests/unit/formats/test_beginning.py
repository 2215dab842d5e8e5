"""SQuAD's JSON cut anywhere: what is whole of it, and nothing that is not there."""

import json

from hypothesis import given
from hypothesis import strategies as st

from lingraft.formats.beginning import whole_paragraphs

TEXT = st.text(st.sampled_from('ab"\\{}[],: \n\u00e9'), max_size=12)
QAS = st.lists(
    st.fixed_dictionaries({"id": TEXT, "answers": st.lists(TEXT, max_size=2)}), max_size=2
)
# Both orders occur: SQuAD 2.0 puts the context behind the questions.
PARAGRAPHS = st.one_of(
    st.fixed_dictionaries({"context": TEXT, "qas": QAS}),
    st.fixed_dictionaries({"qas": QAS, "context": TEXT}),
)
ARTICLES = st.fixed_dictionaries(
    {"title": TEXT, "paragraphs": st.lists(PARAGRAPHS, max_size=3)}, optional={"more": TEXT}
)
DATA = st.fixed_dictionaries({"version": TEXT, "data": st.lists(ARTICLES, min_size=1, max_size=3)})


def paragraphs(text: str) -> list[object]:
    return [p for article in json.loads(text)["data"] for p in article["paragraphs"]]


@given(value=DATA, share=st.floats(0, 1), indent=st.sampled_from([None, 1]))
def test_what_is_left_is_a_beginning_of_the_paragraphs(value, share: float, indent: int | None):
    text = json.dumps(value, indent=indent)
    cut = text[: int(share * len(text))]
    every, left = paragraphs(text), whole_paragraphs(cut)
    found = paragraphs(left) if left else []
    assert found == every[: len(found)]
    if len(cut) >= text.rfind("}", 0, text.rfind("]")):  # all that is missing are the brackets
        assert len(found) >= len(every) - 1


def test_what_is_something_else_stays_so() -> None:
    assert json.loads(whole_paragraphs('[{"context": "a"}, {"con')) == []
    lines = '{"context": "a"}\n{"context": "b"}\n{"con'
    assert whole_paragraphs(lines) == lines
    assert whole_paragraphs('{"question": "a", "context": "b') == ""
    assert whole_paragraphs("") == whole_paragraphs("abc") == ""
