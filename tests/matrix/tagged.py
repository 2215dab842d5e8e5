"""Tasks of tagged words, in layouts that are read."""

from collections.abc import Callable, Sequence
from pathlib import Path

from tests.matrix.written import LANGUAGE, Task, put
from tests.support.bases import TEXT


def tagged(first: int, count: int, tags: Sequence[str]) -> list[tuple[str, None, str]]:
    """Sentences of words and their tags; the last word is nothing to many a tokenizer."""
    texts = [f"{text} \u200b" for text in TEXT[first : first + count]]
    return [
        (text, None, " ".join(tags[(i + j) % len(tags)] for j in range(len(text.split(" ")))))
        for i, text in enumerate(texts)
    ]


def one_word_a_line(path: Path, rows: Sequence[tuple[str, None, str]], before: str = "") -> str:
    """As WikiANN and XTREME write it; its URI."""
    sentences = [zip(a.split(" "), c.split(" "), strict=True) for a, _, c in rows]
    text = "\n".join("".join(f"{before}{w}\t{t}\n" for w, t in one) for one in sentences)
    return put(path, text.encode())


def ner(folder: Path) -> Task:
    """WikiANN as it is unpacked: all languages, each named before every word."""
    tags = ("B-PER", "I-PER", "O", "B-LOC", "O")
    train, test = tagged(0, 24, tags), tagged(60, 6, tags)
    for code in ("en", LANGUAGE, "zh-classical"):
        for split, rows in (("train", train), ("dev", train[:6]), ("test", test)):
            one_word_a_line(folder / code / split, rows, f"{code}:")
    uri = f"{folder.as_uri()}/"
    fields = {"format": "ner", "train": uri, "dev": uri, "test": uri, "sourceTest": uri}
    return Task(fields, "tags", list(test))


def pos(folder: Path) -> Task:
    """XTREME's lines to train on, a UD treebank to test on."""
    tags = ("NOUN", "VERB", "ADJ")
    train, test = tagged(0, 24, tags), tagged(60, 6, tags)
    text = ""
    for a, _, c in test:
        text += "# text = it\n1-2\tvom" + "\t_" * 8 + "\n"
        for i, (word, tag) in enumerate(zip(a.split(" "), c.split(" "), strict=True), start=1):
            text += f"{i}\t{word}\t_\t{tag}" + "\t_" * 6 + "\n"
        text += "\n"
    for split in ("train", "dev", "test"):
        put(folder / f"UD/{LANGUAGE}_x-ud-{split}.conllu", text.encode())
        put(folder / f"UD/{LANGUAGE}_x-ud-{split}.txt", b"Text.\n")
    fields = {
        "format": "pos",
        "train": one_word_a_line(folder / "train-en.tsv", train),
        "test": f"{(folder / 'UD').as_uri()}/",
    }
    return Task(fields, "tags", list(test))


TAGGED: dict[str, Callable[[Path], Task]] = {"ner": ner, "pos": pos}
