"""Tasks in every layout that is read, each with what its test data hold, told by itself."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.matrix.written import LANGUAGE, NLI, Rows, Task, lines, pairs, put, table
from tests.support.bases import TEXT


def classification(folder: Path) -> Task:
    """Plain lines, compressed."""
    train, test = pairs(0, 24, "ab"), pairs(60, 8, "ab")
    rows = [[{"text": a, "label": c} for a, _, c in found] for found in (train, test)]
    fields = {
        "format": "classification",
        "train": lines(folder / "train.jsonl.gz", rows[0]),
        "test": lines(folder / "test.jsonl", rows[1]),
        "sourceTest": lines(folder / "source.jsonl", rows[1]),
    }
    return Task(fields, "label", [(a, None, c) for a, _, c in test])


def exported(folder: Path) -> Task:
    """XNLI as `datasets` exports it: columns of other names, labels as numbers."""
    train, test = pairs(0, 24, NLI), pairs(60, 9, NLI)
    rows = [
        [{"premise": a, "hypothesis": b, "label": NLI.index(c)} for a, b, c in found]
        for found in (train, test)
    ]
    fields = {
        "format": "pairs",
        "columns": {"text": "premise", "textPair": "hypothesis"},
        "labels": list(NLI),
        "train": lines(folder / "train.jsonl", rows[0]),
        "test": lines(folder / "test.jsonl", rows[1]),
    }
    return Task(fields, "label", list(test))


def xnli(folder: Path) -> Task:
    """MultiNLI and XNLI as they are unpacked; rows without a label, and of other languages."""
    columns = ("gold_label", "sentence1", "sentence2", "promptID")
    train, test = pairs(0, 24, NLI), pairs(60, 9, NLI)
    mnli = [(c, a, b, i // 3) for i, (a, b, c) in enumerate(train)]
    table(folder / "mnli/multinli_1.0_train.txt", columns, [*mnli, ("-", "a", "b", 99)])
    table(folder / "mnli/multinli_1.0_dev_matched.txt", columns, mnli[:6])
    put(folder / "mnli/README.txt", b"About it.\n")
    own = [(LANGUAGE, c, a, b, i // 3) for i, (a, b, c) in enumerate(test)]
    others = [("fr", "neutral", "autre", "chose", 7), ("sw", "neutral", "ingine", "kitu", 8)]
    for split in ("dev", "test"):
        mixed = [others[0], *own, others[1]]
        table(folder / f"xnli/xnli.{split}.tsv", ("language", *columns), mixed)
    fields = {
        "format": "xnli",
        "train": f"{(folder / 'mnli').as_uri()}/",
        "dev": f"{(folder / 'mnli').as_uri()}/",
        "test": f"{(folder / 'xnli').as_uri()}/",
    }
    return Task(fields, "label", list(test))


def translated(folder: Path) -> Task:
    """XNLI-MT, whose contradictions are contradictory, and XNLI as JSON Lines."""
    train, test = pairs(0, 24, NLI), pairs(60, 9, NLI)
    names = {"contradiction": "contradictory"}
    rows = [(a, b, names.get(c, c)) for a, b, c in train]
    for code in ("en", "fr"):
        name = f"multinli/multinli.train.{code}.tsv"
        table(folder / name, ("premise", "hypo", "label"), rows)
    own = [
        {"language": LANGUAGE, "gold_label": c, "sentence1": a, "sentence2": b} for a, b, c in test
    ]
    fields = {
        "format": "xnli",
        "train": f"{(folder / 'multinli').as_uri()}/",
        "test": lines(folder / "xnli.test.jsonl", own),
    }
    return Task(fields, "label", list(test))


def paws(folder: Path) -> Task:
    """PAWS-X with all its languages; a sentence that was not translated."""
    columns = ("id", "sentence1", "sentence2", "label")
    train, test = pairs(0, 24, "01"), pairs(60, 8, "01")
    for code in ("en", LANGUAGE, "fr"):
        name = "train" if code == "en" else "translated_train"
        for split, rows in ((name, train), ("dev_2k", train[:6]), ("test_2k", test)):
            numbered = [(i, *row) for i, row in enumerate(rows)]
            missing = [] if code == "en" else [(99, "NS", "sentensi", 0)]
            table(folder / f"x-final/{code}/{split}.tsv", columns, [*missing, *numbered])
    uri = f"{folder.as_uri()}/"
    fields = {"format": "paws-x", "train": uri, "dev": uri, "test": uri, "sourceTest": uri}
    return Task(fields, "label", list(test))


def questions(first: int, count: int) -> list[tuple[str, str, str, int]]:
    """(context, question, answer, offset): contexts that take several windows."""
    found: list[tuple[str, str, str, int]] = []
    for i in range(count):
        context = f"{TEXT[first + i]} {TEXT[first + i + 1]}"
        answer = context.split()[i % 8 + 4]
        found.append((context, answer, answer, context.index(f" {answer}") + 1))
    return found


def nested(rows: Sequence[tuple[str, str, str, int]]) -> bytes:
    """SQuAD's JSON."""
    paragraphs = [
        {
            "context": context,
            "qas": [
                {
                    "id": f"q{i}",
                    "question": question,
                    "answers": [{"text": answer, "answer_start": start}],
                }
            ],
        }
        for i, (context, question, answer, start) in enumerate(rows)
    ]
    return json.dumps({"version": "1.1", "data": [{"paragraphs": paragraphs}]}).encode()


def squad_with(name: str, format: str) -> Callable[[Path], Task]:
    """SQuAD to train on, and a test set of many languages."""

    def write(folder: Path) -> Task:
        for split in ("train", "dev"):
            put(folder / f"squad/{split}-v1.1.json", nested(questions(0, 12)))
        test = questions(60, 5)
        for code in ("de", "es", "zh"):
            put(folder / name.format(code=code), nested(test if code == LANGUAGE else test[:1]))
        fields = {
            "format": format,
            "train": f"{(folder / 'squad').as_uri()}/",
            "test": f"{(folder / 'test').as_uri()}/",
        }
        return Task(fields, "question", [(c, q, a) for c, q, a, _ in test])

    return write


def own_questions(folder: Path) -> Task:
    """Plain lines, with another name of a field."""

    def rows(found: Sequence[tuple[str, str, str, int]]) -> Rows:
        return [
            {"passage": c, "question": q, "answers": {"text": [a], "answer_start": [s]}}
            for c, q, a, s in found
        ]

    test = questions(60, 5)
    fields = {
        "format": "qa",
        "columns": {"context": "passage"},
        "train": lines(folder / "train.jsonl", rows(questions(0, 12))),
        "test": lines(folder / "test.jsonl", rows(test)),
    }
    return Task(fields, "question", [(c, q, a) for c, q, a, _ in test])


def belebele(folder: Path) -> Task:
    """RACE to train on, with articles of two questions, and Belebele in several languages."""

    def four(i: int) -> list[str]:
        return [TEXT[i + j].split()[0] for j in range(4)]

    for number in range(6):
        article = {"article": TEXT[number], "questions": ["Nani?", "Lini?"], "id": f"high{number}"}
        article |= {"options": [four(number), four(number + 9)], "answers": ["B", "D"]}
        put(folder / f"train/high/{number}.txt", json.dumps(article).encode())
    tests: list[tuple[str, str | None, str]] = []
    for code in ("deu_Latn", "fra_Latn"):
        rows: Rows = []
        for i in range(60, 66):
            answers = {f"mc_answer{j + 1}": text for j, text in enumerate(four(i))}
            row = {"flores_passage": TEXT[i], "question": "Nani?", "dialect": code, **answers}
            rows.append(row | {"correct_answer_num": str(i % 4 + 1)})
            if code == "deu_Latn":
                tests.append((TEXT[i], "\n".join(["Nani?", *four(i)]), str(i % 4)))
        lines(folder / f"Belebele/{code}.jsonl", rows)
    fields = {
        "format": "belebele",
        "train": f"{(folder / 'train').as_uri()}/",
        "test": f"{(folder / 'Belebele').as_uri()}/",
    }
    return Task(fields, "choice", tests)


def retrieval(folder: Path) -> Task:
    """Parallel sentences, in two files of a folder."""
    found = pairs(60, 8, "x")
    rows = [{"source": a, "target": b} for a, b, _ in found]
    lines(folder / "parts/aa.jsonl", rows[:4])
    lines(folder / "parts/ab.jsonl", rows[4:])
    fields = {"format": "retrieval", "test": f"{(folder / 'parts').as_uri()}/"}
    return Task(fields, "retrieval", list(found))


TASKS: dict[str, Callable[[Path], Task]] = {
    "classification": classification,
    "exported pairs": exported,
    "xnli": xnli,
    "xnli-mt": translated,
    "paws-x": paws,
    "squad and mlqa": squad_with("test/test-context-{code}-question-{code}.json", "mlqa"),
    "squad and xquad": squad_with("test/xquad.{code}.json", "squad"),
    "own questions": own_questions,
    "belebele and race": belebele,
    "retrieval": retrieval,
}
