"""Tokenizers, corpora and tasks that must be refused with a sentence, each for one reason."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.matrix.corpora import DOCUMENTS, jsonl, one, txt, zst
from tests.matrix.outcomes import Bad, Refusal
from tests.matrix.tagged import one_word_a_line, tagged
from tests.matrix.tasks import (
    LANGUAGE,
    NLI,
    Task,
    classification,
    lines,
    nested,
    pairs,
    put,
    questions,
    table,
)
from tests.support.vocabularies import sentencepiece_model, word_pieces


def tokenizer_folder(fill: Callable[[Path], object]) -> Callable[[Path], dict[str, Any]]:
    """`spec.tokenizer` of a folder."""

    def make(folder: Path) -> dict[str, Any]:
        fill(folder)
        return {"uri": f"{folder.as_uri()}/"}

    return make


def contradiction(folder: Path) -> None:
    """A cased WordPiece that is said to be uncased."""
    word_pieces().save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True}))


def llama(folder: Path) -> None:
    """A SentencePiece model with a normaliser, which Llama's class leaves out."""
    (folder / "tokenizer.model").write_bytes(sentencepiece_model(model_type="bpe", vocab_size=700))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "LlamaTokenizer"}))


TOKENIZER = "spec.tokenizer"
BAD_TOKENIZERS: dict[str, Bad[dict[str, Any]]] = {
    "nothing": Bad(
        tokenizer_folder(lambda folder: (folder / "README.md").write_text("?")),
        Refusal("no tokenizer in it", TOKENIZER),
    ),
    "vocab.txt alone": Bad(
        tokenizer_folder(lambda folder: (folder / "vocab.txt").write_text("a\nb\n")),
        Refusal("tokenizer.json", TOKENIZER, "run"),
    ),
    "broken": Bad(
        tokenizer_folder(lambda folder: (folder / "tokenizer.json").write_text('{"model":')),
        Refusal("cannot be read", TOKENIZER, "run"),
    ),
    "no SentencePiece": Bad(
        tokenizer_folder(lambda folder: (folder / "a.model").write_bytes(b"\x00\x01")),
        Refusal("no SentencePiece model", TOKENIZER, "run"),
    ),
    "SentencePiece of characters": Bad(
        tokenizer_folder(
            lambda folder: (folder / "a.model").write_bytes(sentencepiece_model(model_type="char"))
        ),
        Refusal("neither unigram nor BPE", TOKENIZER, "run"),
    ),
    "contradiction": Bad(
        tokenizer_folder(contradiction), Refusal("do_lower_case true", TOKENIZER, "run")
    ),
    "class that cuts otherwise": Bad(
        tokenizer_folder(llama),
        Refusal("into other pieces", TOKENIZER, "run"),
    ),
    "larger than the text": Bad(
        lambda folder: {"train": {"type": "unigram", "vocabSize": 60_000}},
        Refusal("vocabSize", TOKENIZER, "run"),
    ),
    "fewer than the bytes": Bad(
        lambda folder: {"train": {"type": "bpe", "vocabSize": 100}},
        Refusal("vocabSize", TOKENIZER, "run"),
    ),
}


def splits(folder: Path) -> Path:
    """The text to train on beside that to test on."""
    for name in ("train.txt", "test.txt"):
        (folder / name).write_bytes(txt(DOCUMENTS))
    return folder


BAD_CORPORA: dict[str, Bad[Path]] = {
    "csv": Bad(
        one("t.csv", b"text\nhabari\n"),
        Refusal(".txt, .jsonl, .parquet or .arrow", "spec.corpus.uri"),
    ),
    "no text in a folder": Bad(
        lambda folder: one("t.docx", b"PK")(folder).parent,
        Refusal(".txt, .jsonl, .parquet or .arrow", "spec.corpus.uri"),
    ),
    "nothing there": Bad(lambda folder: folder / "gone.txt", Refusal("nothing", "spec.corpus.uri")),
    "empty": Bad(one("t.txt", b""), Refusal("the corpus is empty", "corpus", "run")),
    "latin-1": Bad(
        one("t.txt", txt(DOCUMENTS) + "\n\nété".encode("latin-1") * 9),
        Refusal("not UTF-8", "t.txt", "run"),
    ),
    "gzip that is said to be text": Bad(
        one("t.txt", b"\x1f\x8b\x08\x00\xff"), Refusal("no text but gzip", "t.txt")
    ),
    "text that is said to be gzip": Bad(
        one("t.txt.gz", txt(DOCUMENTS)), Refusal("cannot be read", "t.txt.gz", "run")
    ),
    "cut gzip": Bad(
        one("t.txt.gz", gzip.compress(txt(DOCUMENTS))[:-9]),
        Refusal("cannot be read", "t.txt.gz", "run"),
    ),
    "cut zstd": Bad(
        one("t.txt.zst", zst(txt(DOCUMENTS))[:-9]),
        Refusal("cannot be read", "t.txt.zst", "run"),
    ),
    "UTF-16": Bad(
        one("t.txt", txt(DOCUMENTS).decode().encode("utf-16")),
        Refusal("UTF-16", "t.txt"),
    ),
    "table that is said to be text": Bad(
        one("t.txt", b"".join(b"%d\thabari ya leo\n" % number for number in range(400))),
        Refusal("a table's, 2 columns", "t.txt"),
    ),
    "other field": Bad(
        one("t.jsonl", jsonl(DOCUMENTS).replace(b'"text"', b'"content"')),
        Refusal('no field "text"', "t.jsonl:1", "run"),
    ),
    "half a line": Bad(
        one("t.jsonl", jsonl(DOCUMENTS) + b'{"text": "ha\n' * 5),
        Refusal("not JSON", "t.jsonl:401", "run"),
    ),
    "splits": Bad(
        splits,
        Refusal("two splits of one data set", "spec.corpus.uri"),
    ),
    "a readme": Bad(
        lambda folder: one("README.txt", b"About it.")(folder).parent,
        Refusal("which is about others", "spec.corpus.uri"),
    ),
    "no parquet": Bad(one("t.parquet", b"PAR1"), Refusal("cannot be read", "t.parquet", "run")),
}


def task_of(format: str, train: str, test: str, **more: Any) -> Task:
    """A task of two files."""
    return Task({"format": format, "train": train, "test": test} | more, "label")


def unknown_label(folder: Path) -> Task:
    """A label in test that training data lack."""
    fields = classification(folder).fields
    lines(folder / "test.jsonl", [{"text": "habari", "label": "c"}])
    return Task(fields, "label")


def quoted(folder: Path) -> Task:
    """PAWS' columns as a spreadsheet writes them."""
    found = pairs(0, 12, "01")
    rows = [(i, f'"{a}"', f'"{b}, ""{a}"""', c) for i, (a, b, c) in enumerate(found)]
    columns = ("id", "sentence1", "sentence2", "label")
    test = table(folder / "b.tsv", columns, [(i, *one) for i, one in enumerate(found)])
    return task_of("paws-x", table(folder / "a.tsv", columns, rows), test)


def no_training_data(folder: Path) -> Task:
    """XNLI 1.0, which has none, as training data."""
    columns = ("language", "gold_label", "sentence1", "sentence2")
    rows = [(LANGUAGE, c, a, b) for a, b, c in pairs(0, 12, NLI)]
    for split in ("dev", "test"):
        table(folder / f"xnli.{split}.tsv", columns, rows)
    uri = f"{folder.as_uri()}/"
    return task_of("xnli", uri, uri)


def other_language(folder: Path) -> Task:
    """An XQuAD in another language than the resource's."""
    train = put(folder / "train-v1.1.json", nested(questions(0, 12)))
    return task_of("squad", train, put(folder / "xquad.es.json", nested(questions(60, 5))))


def second_squad(folder: Path) -> Task:
    """SQuAD 2.0, with questions that have no answer."""
    old, new = b'"answers": [{', b'"answers": [], "plausible_answers": [{'
    content = nested(questions(0, 12))
    train = put(folder / "a.json", content.replace(old, new))
    return task_of("squad", train, put(folder / "b.json", content))


def wrong_offsets(folder: Path) -> Task:
    """Answers of one's own that are not where they are said to be."""
    train, test = (
        lines(
            folder / f"{name}.jsonl",
            [
                {"context": c, "question": q, "answers": {"text": [a], "answer_start": [s + off]}}
                for c, q, a, s in questions(0, 12)
            ],
        )
        for name, off in (("a", 1), ("b", 0))
    )
    return task_of("qa", train, test)


def mixed_splits(folder: Path) -> Task:
    """A folder with training and test data."""
    classification(folder / "both")
    (folder / "both" / "source.jsonl").unlink()
    test = (folder / "both" / "test.jsonl").as_uri()
    return task_of("classification", f"{(folder / 'both').as_uri()}/", test)


def one_label(folder: Path) -> Task:
    """Training data that are all alike."""
    rows = [{"text": a, "label": "a"} for a, _, _ in pairs(0, 12, "a")]
    return task_of("classification", *(lines(folder / f"{n}.jsonl", rows) for n in ("x", "y")))


def no_tags(folder: Path) -> Task:
    """XTREME's test files, which its script strips of their tags."""
    rows = tagged(0, 12, ("B-PER", "O"))
    train = one_word_a_line(folder / "train-en.tsv", rows)
    test = "".join(a.replace(" ", "\n") + "\n\n" for a, _, _ in rows)
    return task_of("ner", train, put(folder / f"test-{LANGUAGE}.tsv", test.encode()))


TASK = "spec.tasks[0]"
BAD_TASKS: dict[str, Bad[Task]] = {
    "unknown label": Bad(unknown_label, Refusal("unknown label 'c'", f"{TASK}.test")),
    "quoted as CSV": Bad(quoted, Refusal("quote", TASK)),
    "XNLI has no training data": Bad(no_training_data, Refusal("no training data", TASK)),
    "other language": Bad(other_language, Refusal("says that it is in", f"{TASK}.test")),
    "SQuAD 2": Bad(second_squad, Refusal("SQuAD 2", TASK)),
    "wrong offsets": Bad(wrong_offsets, Refusal("not at character", TASK)),
    "mixed splits": Bad(mixed_splits, Refusal("mixes splits", TASK)),
    "no tags": Bad(no_tags, Refusal("expected a word and its tag", f"{TASK}.test")),
    "one label": Bad(one_label, Refusal("all training examples", f"{TASK}.train")),
}
