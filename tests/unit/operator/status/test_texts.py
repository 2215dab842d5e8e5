"""What was said of an end is cut at its beginning, where it has lines: errors stand last."""

from hypothesis import given
from hypothesis import strategies as st

from lingraft_operator.status.texts import cut_message, json_bytes

LOG = "\n".join(["job failed, last logs:", *(f"line {n}" for n in range(400)), "CUDA error: 700"])


def test_the_last_lines_are_kept_whole() -> None:
    found = cut_message(LOG, 200)
    assert found.startswith("…\nline ") and found.endswith("\nline 399\nCUDA error: 700")
    assert 150 < json_bytes(found) <= 205


def test_a_sentence_keeps_its_beginning() -> None:
    assert cut_message("the corpus is empty " * 100, 100).startswith("the corpus is empty")
    assert cut_message("one\ntwo", 100) == "one\ntwo"


lines = st.lists(st.text(st.sampled_from('a<&"\\\x01é😀'), max_size=80), max_size=30)


@given(lines.map("\n".join), st.integers(40, 500))
def test_it_takes_no_more_than_what_is_cut_at_its_end(text: str, most: int) -> None:
    assert json_bytes(cut_message(text, most)) - 2 <= most + 3
