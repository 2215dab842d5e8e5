"""A wrong task file is told of by its field, file and line before anything is spent."""

import bz2
import gzip
import json
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingraft import peek, task_files
from lingraft.errors import UserError
from lingraft.formats.wanted import Wanted
from lingraft.resource import API_VERSION, KIND, LanguageAdaptation
from lingraft.task_files import FirstRows, first_rows, local_mistakes, task_mistakes
from tests.support.specs import fields_of, spec_of

ROWS = [{"text": f"text {i}", "label": "ab"[i % 2]} for i in range(8)]


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path.as_uri()


def mistakes(fresh: Callable[[str], bool] = lambda uri: True, **task: Any) -> list[str]:
    fields = {"name": "t", "format": "classification"} | task
    spec = spec_of(tasks=[fields])
    uris = {uri for uri in fields.values() if str(uri).startswith("file:") and fresh(uri)}
    return [f"{'.'.join(map(str, where))}: {error}" for where, error in
            task_mistakes(spec, uris, first_rows)]  # fmt: skip


def test_what_fits_is_silent(tmp_path: Path) -> None:
    train, test = write(tmp_path / "train.jsonl", ROWS), write(tmp_path / "test.jsonl", ROWS[:1])
    assert mistakes(train=train, test=test, dev=train, sourceTest=test) == []


def test_every_file_is_looked_at_and_all_are_told_of(tmp_path: Path) -> None:
    write(tmp_path / "bad.jsonl", [{"sentence": "a"}])
    (tmp_path / "half.jsonl").write_text('{"text": "a"')
    found = mistakes(
        train=(tmp_path / "bad.jsonl").as_uri(),
        dev=(tmp_path / "half.jsonl").as_uri(),
        test=write(tmp_path / "mixed/train.jsonl", ROWS).replace("/train.jsonl", "/"),
        sourceTest=write(tmp_path / "empty.jsonl", []),
    )
    assert len(found) == 3
    assert found[0].startswith(f"spec.tasks.0.train: {tmp_path}/bad.jsonl:1: the field 'text'")
    assert found[1].startswith(f"spec.tasks.0.dev: {tmp_path}/half.jsonl:1: not JSON")
    assert "spec.tasks.0.sourceTest" in found[2] and "no examples" in found[2]
    write(tmp_path / "mixed/test.jsonl", ROWS)
    (found,) = mistakes(train=write(tmp_path / "t.jsonl", ROWS), test=(tmp_path / "mixed").as_uri())
    assert "spec.tasks.0.test" in found and "mixes splits" in found


def test_labels_must_fit_those_of_the_training_data(tmp_path: Path) -> None:
    train, test = write(tmp_path / "train.jsonl", ROWS), write(tmp_path / "a.jsonl", ROWS[:1])
    other = write(tmp_path / "test.jsonl", [*ROWS, {"text": "x", "label": "c"}])
    (found,) = mistakes(train=train, test=other)
    assert f"{tmp_path}/test.jsonl:9: unknown label 'c'; expected one of a, b" in found
    assert len(mistakes(train=train, dev=other, test=other, sourceTest=other)) == 3
    (found,) = mistakes(train=write(tmp_path / "one.jsonl", ROWS[::2]), test=test)
    assert "all training examples have the label 'a'" in found and "tasks.0.train" in found
    (found, _) = mistakes(train=train, test=train, labels=["a", "c"])
    assert "unknown label 'b'; expected one of a, c" in found


def test_a_test_that_is_the_training_data_measures_nothing(tmp_path: Path) -> None:
    rows = [{"text": f"text {i}", "label": "ab"[i % 2]} for i in range(40)]
    train = write(tmp_path / "train.jsonl", rows)
    (found,) = mistakes(train=train, test=train)
    assert found.endswith(
        "train.jsonl: 40 of its first 40 examples are those of train: name other data"
    )
    others = [row | {"text": f"other {row['text']}"} for row in rows]
    most = write(tmp_path / "most.jsonl", rows[:25] + others[25:])
    (found,) = mistakes(train=train, test=most)
    assert "25 of its first 40 examples" in found
    few = write(tmp_path / "few.jsonl", rows[:5] + others[5:])
    assert mistakes(train=train, test=few) == []
    (found,) = mistakes(train=train, test=few, sourceTest=few)
    assert "spec.tasks.0.sourceTest" in found and "are those of test" in found


def test_names_that_differ_in_case_may_all_be_tested(tmp_path: Path) -> None:
    rows = [{"text": f"text {i}", "label": ("Yes", "yes", "no")[i % 3]} for i in range(9)]
    train = write(tmp_path / "train.jsonl", rows)
    assert mistakes(train=train, test=train, labels=["Yes", "yes", "no"]) == []


def test_a_beginning_condemns_nothing_that_may_come_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sorted file's first rows have one label, and not those of the test."""
    monkeypatch.setattr(task_files, "FIRST_BYTES", 1000)
    rows: list[dict[str, Any]] = [
        {"text": f"text {i}" * 50, "label": label} for label in "ab" for i in range(300)
    ]
    train, test = write(tmp_path / "train.jsonl", rows), write(tmp_path / "test.jsonl", rows[-1:])
    assert mistakes(train=train, test=test) == []
    rows[5]["text"] = None  # one of 600
    assert mistakes(train=write(tmp_path / "train.jsonl", rows), test=test) == []
    upper = write(tmp_path / "test.jsonl", [{"text": "x", "label": "A"}])
    (found,) = mistakes(train=train, test=upper)
    assert "the labels 'a' of the training data and 'A' differ only in case" in found
    for row in rows[: len(rows) // 3]:
        row["text"] = None
    (found,) = mistakes(train=write(tmp_path / "train.jsonl", rows), test=test)
    assert "the field 'text' is null" in found


def test_only_fresh_files_are_judged_but_the_others_labels_count(tmp_path: Path) -> None:
    train = write(tmp_path / "train.jsonl", ROWS)
    test = write(tmp_path / "test.jsonl", [{"text": "x", "label": "c"}])
    (found,) = mistakes(lambda uri: uri == test, train=train, test=test)
    assert "unknown label 'c'" in found
    assert mistakes(lambda uri: False, train=train, test=test) == []
    (tmp_path / "train.jsonl").write_text("overwritten since it was pinned")
    assert mistakes(lambda uri: uri == test, train=train, test=test) == []


def test_nothing_there_is_somebody_elses_mistake(tmp_path: Path) -> None:
    assert first_rows((tmp_path / "gone").as_uri(), Wanted("qa", "en", "test")) is None


def test_validate_asks_no_bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peek, "s3_store", lambda location: pytest.fail(f"asked {location}"))
    test = write(tmp_path / "test.jsonl", [{"text": "a"}])
    task = {"name": "t", "format": "pairs", "train": "s3://tasks/train.jsonl", "test": test}
    resource = LanguageAdaptation.model_validate(
        {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"name": "a"},
            "spec": fields_of("Standard") | {"tasks": [task]},
        }
    )
    ((where, error),) = local_mistakes(resource)
    assert where == ("spec", "tasks", 0, "test")
    assert f"{tmp_path}/test.jsonl:1: the field 'textPair' is missing" in str(error)


# How much is read


class Counted:
    """Reads, and remembers how much."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.files: list[Any] = []
        before = task_files.TaskFile

        def make(*arguments: Any) -> Any:
            self.files.append(before(*arguments))
            return self.files[-1]

        monkeypatch.setattr(task_files, "TaskFile", make)

    @property
    def bytes(self) -> int:
        return sum(file.consumed for file in self.files)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    return Counted(monkeypatch)


def look(path: Path, format: str, language: str = "en", purpose: Any = "test") -> FirstRows | None:
    return first_rows(path.as_uri(), Wanted(format, language, purpose))


def test_of_a_large_file_the_beginning_is_read(tmp_path: Path, counted: Counted) -> None:
    write(tmp_path / "t.jsonl", [{"text": "x" * 500, "label": str(i)} for i in range(2000)])
    found = look(tmp_path / "t.jsonl", "classification")
    assert found is not None and not found.whole
    assert counted.bytes <= 2 * task_files.FIRST_BYTES
    packed = tmp_path / "t.jsonl.gz"
    packed.write_bytes(gzip.compress((tmp_path / "t.jsonl").read_bytes(), 0))
    found = look(packed, "classification")
    assert found is not None and not found.whole and len(found.labels) > 50
    assert counted.bytes <= 4 * task_files.FIRST_BYTES


def test_of_many_files_a_few_are_read(tmp_path: Path, counted: Counted) -> None:
    for i in range(20):
        write(tmp_path / f"part-{i:02}.jsonl", ROWS)
    found = look(tmp_path, "classification")
    assert found is not None and not found.whole
    assert len(counted.files) == task_files.MOST_FILES


def xnli(path: Path, codes: list[str], rows: int) -> None:
    head = "language\tgold_label\tsentence1\tsentence2\n"
    line = "{code}\tneutral\t" + "a" * 300 + "\tb\n"
    path.write_text(head + "".join(line.format(code=code) * rows for code in codes))


def test_a_language_is_looked_for_to_the_end(tmp_path: Path, counted: Counted) -> None:
    """XNLI's rows are sorted by language."""
    path = tmp_path / "xnli.test.tsv"
    xnli(path, ["ar", "bg", "sw", "zh"], 1000)
    assert look(path, "xnli", "sw") is not None
    assert counted.bytes < 0.6 * path.stat().st_size
    with pytest.raises(UserError, match=r"no row in the language 'it' \(it has ar, bg, sw, zh\)"):
        look(path, "xnli", "it")


def test_a_language_is_not_looked_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_files, "MOST_BYTES", 200_000)
    path = tmp_path / "own.tsv"
    xnli(path, ["ar", "bg", "sw"], 1000)
    found = look(path, "xnli", "it")
    assert found is not None and not found.whole, "it may come later"


def nested(count: int, **more: Any) -> str:
    qa = {"id": "1", "question": "q", "answers": [{"text": "b", "answer_start": 2}]} | more
    paragraph = {"context": "a b " + "c" * 2000, "qas": [qa]}
    return json.dumps({"version": "1.1", "data": [{"paragraphs": [paragraph]}] * count})


@pytest.mark.parametrize("name", ["train-v1.1.json", "train-v1.1.json.gz"])
def test_nested_json_is_judged_by_its_whole_paragraphs(
    tmp_path: Path, counted: Counted, name: str
) -> None:
    path = tmp_path / name

    def put(text: str) -> None:
        raw = text.encode()
        path.write_bytes(gzip.compress(raw, 0) if name.endswith(".gz") else raw)

    put(nested(2000))
    found = look(path, "squad")
    assert found is not None and not found.whole
    assert counted.bytes <= task_files.NESTED_BYTES
    put(nested(2000, answers=[]))
    with pytest.raises(UserError, match="SQuAD 2"):
        look(path, "squad")
    put(nested(2000, answers=[{"text": None, "answer_start": 0}]))
    with pytest.raises(UserError, match=r"'answers.text' is null"):
        look(path, "squad")
    lines = '{"context": "a b", "question": "q"}\n' * 20_000
    put(lines)
    with pytest.raises(UserError, match=r"the field .answers. is missing"):
        look(path, "squad")
    put("[" + lines.replace("\n", ",\n"))
    with pytest.raises(UserError, match="not an object"):
        look(path, "squad")


@pytest.mark.parametrize("line", [
    '{"text": "a", "label": "b", "x": [%s]}', "[%s]", '{"text": "a", "label": "b"}\n%s',
])  # fmt: skip
def test_few_packed_bytes_cost_little(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.jsonl.bz2"
    filling = '{"text": "a", "label": "b"}\n' * 10**6 if line.endswith("\n%s") else "{}," * 2**23
    path.write_bytes(bz2.compress((line % filling).encode()))
    tracemalloc.start()
    with suppress(UserError):
        first_rows(path.as_uri(), Wanted("classification", "fr", "train"))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 16 << 20


LETTERS = st.sampled_from('ab "\\{}[],:\u00e9\u2028')
WORDS = st.text(LETTERS, min_size=1, max_size=30).map("x{}".format)


def lines_of(format: str, words: list[str]) -> str:
    match format:
        case "paws-x":
            clean = [word.replace('"', "'") for word in words]
            rows = [f"{i}\t{word}\tb\t{i % 2}" for i, word in enumerate(clean)]
            return "\n".join(["id\tsentence1\tsentence2\tlabel", *rows])
        case "squad":
            answer = [{"text": "x", "answer_start": 0}]
            qas = [{"id": "1", "question": "q", "answers": answer}]
            paragraphs = [{"context": word, "qas": qas} for word in words]
            return json.dumps({"data": [{"paragraphs": paragraphs}]})
        case _:
            rows = [{"text": word, "label": i % 2} for i, word in enumerate(words)]
            return "\n".join(json.dumps(row) for row in rows)


@given(
    words=st.lists(WORDS, min_size=1, max_size=40),
    format=st.sampled_from(["paws-x", "squad", "classification"]),
    packed=st.booleans(),
    limit=st.integers(1, 3000),
)
def test_nothing_right_is_refused_by_its_beginning(
    tmp_path_factory: pytest.TempPathFactory,
    words: list[str],
    format: str,
    packed: bool,
    limit: int,
) -> None:
    suffix = {"paws-x": ".tsv", "squad": ".json"}.get(format, ".jsonl") + ".gz" * packed
    path = tmp_path_factory.mktemp("cut") / f"data{suffix}"
    raw = lines_of(format, words).encode()
    path.write_bytes(gzip.compress(raw) if packed else raw)
    names = ("MOST_BYTES", "NESTED_BYTES", "FIRST_BYTES")
    with patch.multiple(task_files, **dict.fromkeys(names, limit)):
        found = look(path, format, purpose="train")
    assert found is not None
    if limit < path.stat().st_size:
        assert not found.whole
