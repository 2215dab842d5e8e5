"""The causal demo's text, and what it says of a run."""

import sys
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[3] / "examples" / "bible"))
from bible import Verse
from lingraft_trainer.stages.embed import embed
from lingraft_trainer.stages.graft import graft
from smollm2 import LINE, chapters, said, tokenizer_of, tokens_per_word
from tests.support import families
from tests.support.tiny import context, training
from tests.unit.trainer.stages.test_causal import base_of, corpus_of

VERSES = st.lists(
    st.builds(
        Verse,
        st.sampled_from("lo5"),
        st.integers(1, 3),
        st.integers(1, 3),
        st.integers(1, 9),
        st.text("abé ,", max_size=300).map(lambda text: " ".join(text.split())),
    ),
    max_size=60,
)


@given(VERSES)
def test_a_chapter_is_one_document_in_all_its_versions(verses: list[Verse]) -> None:
    documents = chapters(verses).split("\n\n")[:-1]
    places = sorted({(one.book, one.chapter) for one in verses if one.text})
    assert len(documents) == len(places)
    for document, place in zip(documents, places, strict=True):
        its = [one for one in verses if one.text and (one.book, one.chapter) == place]
        assert sorted(document.split()) == sorted(" ".join(one.text for one in its).split())
        assert all(len(line) <= max(LINE, 300) for line in document.split("\n"))


def test_what_is_said_of_a_run() -> None:
    states = ("untouched", "start", "adapted")
    lines = "\n".join(
        said(
            {
                "bytes": 65_536,
                "bitsPerByte": dict(zip(states, (2.0, 2.5, 1.5), strict=True)),
                "tokensPerWord": {"untouched": 2.2, "adapted": 1.4},
                "samples": {
                    "prompts": [
                        {
                            "prompt": "Au commencement",
                            "untouched": {"greedy": " the", "sampled": ""},
                            "grafted": {"greedy": " Dieu", "sampled": ""},
                        }
                    ]
                },
            }
        )
    )
    for told in ("65,536 bytes", "adapted    1.500", "untouched  2.20", "grafted    ' Dieu'"):
        assert told in lines


def test_a_grafts_tokenizer_is_found(tmp_path: Path) -> None:
    base, corpus = base_of("llama", tmp_path / "base"), corpus_of("llama", tmp_path)
    params = {"method": "Standard", "init": "overlap", "training": training("llama", steps=1)}
    learned = context(tmp_path / "embed", params, model=base, base=base, corpus=corpus)
    embed(learned)
    params = {"language": "sw", "method": "Standard", "init": "overlap", "seed": 0, "tasks": []}
    grafted = context(tmp_path / "graft", params, base=base, corpus=corpus, embed=learned.out)
    grafted.ancestors = families.embed_manifest
    graft(grafted)
    assert tokens_per_word(tokenizer_of(grafted.out), "le chat assis") == 1.0
