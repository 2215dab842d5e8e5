"""Published data of choices, topics and intents are judged before anything is spent."""

import json
from pathlib import Path
from typing import Any

import pytest

from lingraft.errors import UserError
from lingraft.formats.wanted import Wanted
from lingraft.task_files import FIRST_BYTES, first_rows, task_mistakes
from tests.support.specs import spec_of

DATA = Path(__file__).parents[1] / "data" / "tasks"
LABELS = {"sib-200": ("science/technology", "travel"), "massive": ("alarm_set",)}


@pytest.mark.parametrize(
    "format",
    ["belebele", "xcopa", "xstorycloze", "choice", "multiblimp", "instruction", *LABELS],
)
def test_first_rows_are_read(format: str) -> None:
    found = first_rows(f"{(DATA / format).as_uri()}/", Wanted(format, "fr", "test"))
    assert found is not None and found.whole
    assert found.labels == LABELS.get(format, ())


def massive(path: Path, partitions: list[str]) -> str:
    rows = [
        {"id": str(i), "locale": "sw-KE", "partition": one, "intent": f"i{i % 2}", "utt": "x " * 50}
        for i, one in enumerate(partitions)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path.as_uri()


def test_a_beginning_without_rows_of_the_purpose_condemns_nothing(tmp_path: Path) -> None:
    uri = massive(tmp_path / "sw-KE.jsonl", ["train"] * 1000 + ["test"])
    found = first_rows(uri, Wanted("massive", "sw", "test"))
    assert found is not None and not found.labels and not found.whole
    assert (tmp_path / "sw-KE.jsonl").stat().st_size > FIRST_BYTES
    with pytest.raises(UserError, match="no examples"):
        first_rows(massive(tmp_path / "x.jsonl", ["train"]), Wanted("massive", "sw", "test"))


def test_a_long_quoted_table_is_cut_without_a_word(tmp_path: Path) -> None:
    columns = ["passage", "question", *(f"answer{i}" for i in (1, 2, 3, 4)), "correct_answer_num"]
    row = '"A ""long"" passage.\n' + "word\n" * 300 + '"\tWho?\ta\tb\tc\td\t2\n'
    path = tmp_path / "t.tsv"
    path.write_text("\t".join(columns) + "\n" + row * 100)
    found = first_rows(path.as_uri(), Wanted("belebele", "en", "train"))
    assert found is not None and not found.whole


def test_wrong_files_are_told_of_by_their_fields(tmp_path: Path) -> None:
    def put(name: str, **row: Any) -> str:
        path = tmp_path / name
        path.write_text(json.dumps(row) + "\n")
        return path.as_uri()

    fields = {
        "name": "t",
        "format": "belebele",
        "train": put("train.jsonl", article="a", question="b", options=["c", "d"], answer="C"),
        "test": put("fra_Latn.jsonl", flores_passage="a"),
        "sourceTest": put("eng.jsonl", dialect="fra_Latn"),
    }
    spec = spec_of(tasks=[fields])
    uris = {uri for uri in fields.values() if uri.startswith("file:")}
    found = [f"{'.'.join(map(str, where))}: {error}" for where, error in
             task_mistakes(spec, uris, first_rows)]  # fmt: skip
    assert len(found) == 3
    assert "tasks.0.train" in found[0] and "'answer' is 'C', none of AB" in found[0]
    assert "says that it is in 'fra_Latn'; give the one in 'sw'" in found[1]
    assert "tasks.0.sourceTest" in found[2] and "no row in the language 'en'" in found[2]
