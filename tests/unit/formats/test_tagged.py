"""Tagged words, read from files as their publishers write them."""

import json
from pathlib import Path
from typing import Any

import pytest

from lingraft.errors import UserError
from lingraft.formats import Tagged, read_examples

DATA = Path(__file__).parents[2] / "data" / "tasks"
ANA = Tagged(("Ana", "Diop", "left", "Sète"), ("B-PER", "I-PER", "O", "B-LOC"))
RAIN = Tagged(("Rain", "."), ("O", "O"))


def read(path: Path, format: str = "ner", purpose: Any = "train", **more: Any) -> list[Any]:
    return read_examples(path, format, "en", purpose, **more).rows


def written(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def lines(separator: str, *sentences: Tagged, middle: str = "", before: str = "") -> str:
    """One word a line, a blank line behind each sentence."""
    parts = [
        "".join(
            f"{before}{token}{separator}{middle}{tag}\n"
            for token, tag in zip(one.tokens, one.tags, strict=True)
        )
        for one in sentences
    ]
    return "\n".join(parts) + "\n"


# As published


def test_wikiann_puts_the_language_before_every_word() -> None:
    assert read_examples(DATA / "ner", "ner", "fr", "test").rows == [
        Tagged(("La", "ville", "de", "Sète"), ("O", "O", "O", "B-LOC")),
        Tagged(("Ana", "Diop", '"'), ("B-PER", "I-PER", "O")),
    ]


def test_universal_dependencies_words_are_the_syntactic_ones() -> None:
    first, second = read_examples(DATA / "pos", "pos", "fr", "test").rows
    assert isinstance(first, Tagged) and isinstance(second, Tagged)
    assert first.tokens == ("Va", "à", "le", "port", ".")
    assert first.tags == ("VERB", "ADP", "DET", "NOUN", "PUNCT")
    assert second.tokens == ("10 000", "bateaux", "#", "hier")
    assert second.tags == ("NUM", "NOUN", "SYM", "ADV")
    assert first.group == second.group == "fr_boats-ud-test.conllu#1", "one document"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("test-en.tsv", lines("\t", ANA, RAIN)),  # XTREME
        ("en/test", lines("\t", ANA, RAIN, before="en:")),
        ("en/test.gz", lines("\t", ANA, RAIN, before="zh-classical:")),
        ("hau/test.txt", lines(" ", ANA, RAIN)),  # MasakhaNER
        ("crlf.txt", lines(" ", ANA, RAIN).replace("\n", "\r\n")),
        ("bom.txt", "\ufeff" + lines(" ", ANA, RAIN)),
        ("spaces.bio", "\n\n" + lines("  ", ANA, RAIN).replace("\n", " \n") + "\n"),
        ("no_last_line.conll", lines(" ", ANA, RAIN).rstrip()),
        ("esp.testa", lines(" ", ANA, RAIN, middle="NN ")),  # CoNLL-2002
        ("multiconer.conll", "# id 7-a domain=en\n" + lines(" _ _ ", ANA, RAIN)),
        ("x.iob2", "# newpar = 1\n# text = Ana\n" + "\n\n# text = Rain .\n".join(
            "\n".join(f"{i}\t{token}\t{tag}\t-\t-" for i, (token, tag) in
                      enumerate(zip(one.tokens, one.tags, strict=True), start=1))
            for one in (ANA, RAIN))),
        ("rows.jsonl", "".join(json.dumps({"tokens": s.tokens, "tags": s.tags}) + "\n"
                               for s in (ANA, RAIN))),
    ],
)  # fmt: skip
def test_one_and_the_same_in_every_format(name: str, text: str, tmp_path: Path) -> None:
    import gzip

    path = written(tmp_path / name, text)
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(path.read_bytes()))
    assert read(path) == [ANA, RAIN]


def test_conll_2003_has_documents(tmp_path: Path) -> None:
    start = "-DOCSTART- -X- -X- O\n\n"
    text = start + lines(" NN B-NP ", ANA, RAIN) + "\n" + start + lines(" NN B-NP ", RAIN)
    rows = read(written(tmp_path / "eng.train", text))
    assert [row.group for row in rows] == ["eng.train#1", "eng.train#1", "eng.train#2"]
    assert [row.tokens for row in rows] == [ANA.tokens, RAIN.tokens, RAIN.tokens]


def test_a_hash_may_be_a_word(tmp_path: Path) -> None:
    for separator in (" ", "\t"):
        text = lines(separator, Tagged(("#", "#1", "x"), ("O", "O", "O")), RAIN)
        (first, _) = read(written(tmp_path / "a.txt", text))
        assert first.tokens == ("#", "#1", "x")
    text = lines(" ", RAIN) + "\n# SYM\n#rain NOUN\n"
    found = read(written(tmp_path / "b.txt", text), "pos")
    assert found[1] == Tagged(("#", "#rain"), ("SYM", "NOUN"))


def test_names_and_numbers_of_ones_own(tmp_path: Path) -> None:
    row = {"words": ["Ana", "left"], "ner_tags": [1, 0.0], "doc": 3}
    path = written(tmp_path / "a.jsonl", json.dumps(row) + "\n")
    columns = {"tokens": "words", "tags": "ner_tags", "group": "doc"}
    found = read(path, columns=columns, names=("O", "B-PER", "I-PER"))
    assert found == [Tagged(("Ana", "left"), ("B-PER", "O"), "3")]
    # A file of one word a line beside it has no names to change.
    text = written(tmp_path / "b.txt", lines(" ", RAIN))
    assert read(text, columns=columns, names=("O", "B-PER")) == [RAIN]
    with pytest.raises(UserError, match=r"tag '1' is of no entity.*name them in order"):
        read(path, columns=columns)


def test_words_are_as_they_are(tmp_path: Path) -> None:
    tokens = ["New York", "", " ", "\ufeff", "\u200b", "e\u0301te\u0301", "a\x00b", "\x96"]
    row = {"tokens": tokens, "tags": ["O"] * len(tokens)}
    (found,) = read(written(tmp_path / "a.jsonl", json.dumps(row) + "\n"))
    assert found.tokens == (*tokens[:6], "a b", " ")
    (found,) = read(written(tmp_path / "a.tsv", "a\tO\n\tB-X\n\u00a0\tI-X\n \tO\n"))
    assert found.tokens == ("a", "", "\u00a0", " ")
    assert found.tags == ("O", "B-X", "I-X", "O")
    (found,) = read(written(tmp_path / "b.txt", "a O\n B-X\n"))
    assert found.tokens == ("a", "")


# Mistakes


@pytest.mark.parametrize(
    ("name", "text", "format", "said"),
    [
        ("a.txt", "Ana B-PER\nleft\n", "ner", "a.txt:2: expected a word and its tag on every line"),
        ("a.tsv", "Ana\nleft\n", "ner", "a.tsv:1: expected a word and its tag.*XTREME leaves"),
        ("a.txt", "Ana NN B-PER\nto go VB O\n", "ner", "a.txt:2: expected 3 columns .*, found 4"),
        ("a.txt", "Ana O\n\nleft PER\n", "ner", "a.txt:3: the tag 'PER' is of no entity"),
        ("a.txt", "Ana NN B-PER\n", "pos", "a.txt:1: expected a word and its part of speech"),
        ("a.conllu", "1\ta\ta\tX\t_\t_\t0\t_\t_\t_\n", "ner", "a.conllu:1: this is CoNLL-U"),
        ("a.conllu", "#\n1\ta\ta\t_\t_\t_\t0\t_\t_\t_\n", "pos", "a.conllu:2: the word 'a' has no"),
        ("a.txt", "Ana\udce9 O\n", "ner", "a.txt:1: .*not UTF-8"),
        ("a.txt", "\n\n", "ner", "no examples"),
        ("a.jsonl", '{"tokens": ["a"]}', "ner", "a.jsonl:1: the field 'tags' is missing"),
        ("a.jsonl", '{"tokens": "a b", "tags": ["O"]}', "ner", "'tokens' is no list"),
        ("a.jsonl", '{"tokens": ["a"], "tags": ["O", "O"]}', "ner", "'tags' has 2 for 1 tokens"),
        ("a.jsonl", '{"tokens": [], "tags": []}', "ner", "'tokens' is empty"),
        ("a.jsonl", '{"tokens": [3], "tags": ["O"]}', "ner", "has 3, which is no string"),
        ("a.jsonl", '{"tokens": ["a"], "tags": [null]}', "pos", "has None, which is no tag"),
        ("a.jsonl", '{"tokens": ["a"], "tags": [-1]}', "pos", "has -1, which is no tag"),
        ("a.jsonl", '{"tokens": ["a", "b"], "tags": ["NOUN", "Noun"]}', "pos", "only in case"),
    ],
)
def test_mistakes_are_named_with_their_place(
    name: str, text: str, format: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(text.encode("utf-8", errors="surrogateescape"))
    with pytest.raises(UserError, match=said):
        read(path, format)


def test_a_sentence_that_cannot_be_used_is_left_out_and_counted(tmp_path: Path) -> None:
    text = lines(" ", *[RAIN] * 100) + "\nAna B-PER\nleft\n"
    found = read_examples(written(tmp_path / "a.txt", text), "ner", "en", "train")
    assert len(found.rows) == 100 and found.skipped == 1
    assert found.warning and f"{tmp_path}/a.txt:303: expected a word and its tag" in found.warning


def test_entity_types_must_have_been_trained_on_but_not_every_place_in_one(tmp_path: Path) -> None:
    trained = ("B-LOC", "I-PER", "O")
    path = written(tmp_path / "a.txt", "Ana S-PER\nin O\nNew B-LOC\nYork I-LOC\n")
    (found,) = read(path, trained=trained)
    assert found.tags == ("S-PER", "O", "B-LOC", "I-LOC")
    written(path, "today O\nMonday B-DATE\n")
    with pytest.raises(UserError, match=r"a\.txt:2: unknown label 'B-DATE'; expected one of B-LOC"):
        read(path, trained=trained)
    written(path, "a NOUN\nb XX\n")
    with pytest.raises(UserError, match=r"a\.txt:2: unknown label 'XX'"):
        read(path, "pos", trained=("NOUN", "VERB"))


def test_tables_of_lists_with_names_for_numbers(tmp_path: Path) -> None:
    """WikiANN and MasakhaNER as the Hub has them: Parquet, tags as numbers of names."""
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    names = ["O", "B-PER", "I-PER", "B-LOC"]
    feature = {"feature": {"names": names, "_type": "ClassLabel"}, "_type": "Sequence"}
    told = json.dumps({"info": {"features": {"ner_tags": feature}}})
    table = pa.table(
        {"tokens": [ANA.tokens, RAIN.tokens], "ner_tags": [[1, 2, 0, 3], [0, 0]]},
    ).replace_schema_metadata({"huggingface": told})
    path = tmp_path / "test-00000-of-00001.parquet"
    parquet.write_table(table, path)
    assert read(path, columns={"tags": "ner_tags"}) == [ANA, RAIN]
