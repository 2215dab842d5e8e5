"""Numbers that stand for names: never for another name than the one that was meant."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lingraft.errors import UserError
from lingraft.formats import Choice, Example, Tagged, read_examples

Rows = list[dict[str, Any]]


def of(*names: str) -> dict[str, Any]:
    return {"names": list(names), "_type": "ClassLabel"}


def write(path: Path, rows: Rows, **features: Any) -> Path:
    told = json.dumps({"info": {"features": features}}).encode()
    pq.write_table(pa.Table.from_pylist(rows).replace_schema_metadata({b"huggingface": told}), path)
    return path


def labels(path: Path, format: str = "classification", **more: Any) -> list[str | None]:
    found = read_examples(path, format, "en", "train", **more).rows
    return [one.label for one in found if isinstance(one, Example)]


def texts(*values: Any) -> Rows:
    return [{"text": f"t{i}", "label": value} for i, value in enumerate(values)]


def test_names_that_are_numbers_are_not_numbers_of_names(tmp_path: Path) -> None:
    stars = ("1", "2", "3", "4", "5")
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(one) + "\n" for one in texts(0, 1, 4)))
    with pytest.raises(UserError, match="unknown label '0'"):
        labels(tmp_path / "t.jsonl", names=stars)
    path = write(tmp_path / "t.parquet", texts(0, 1, 4), label=of(*stars))
    assert labels(path) == labels(path, names=stars) == ["1", "2", "5"]
    with pytest.raises(UserError, match="unknown label '1'"):
        labels(path, names=("bad", "poor", "fair", "good", "best"))


def test_minus_one_is_no_label(tmp_path: Path) -> None:
    rows = [one | {"textPair": "p"} for one in texts(*[0, 1] * 150, -1)]
    path = write(tmp_path / "t.parquet", rows, label=of("yes", "no"))
    found = read_examples(path, "pairs", "en", "train")
    assert (len(found.rows), found.skipped) == (300, 1)
    assert "-1, which stands for none" in (found.warning or "")
    (tmp_path / "t.jsonl").write_text("".join(json.dumps(one) + "\n" for one in texts(-1, 0, 1)))
    assert labels(tmp_path / "t.jsonl") == ["-1", "0", "1"], "a sentiment is one"


def test_labels_inside_of_objects(tmp_path: Path) -> None:
    rows: Rows = [{"text": "a", "meta": {"label": 0}}, {"text": "b", "meta": {"label": 1}}]
    path = write(tmp_path / "t.parquet", rows, meta={"label": of("pos", "neg")})
    columns = {"label": "meta.label"}
    for names in ((), ("neg", "pos")):
        assert labels(path, columns=columns, names=names) == ["pos", "neg"]


@pytest.mark.parametrize("kind", ["struct of lists", "list of structs"])
def test_tags_inside_of_objects(tmp_path: Path, kind: str) -> None:
    tags = of("O", "B-PER", "I-PER")
    words: Any = {"text": ["Ana", "left"], "tag": [1, 0]}
    if kind == "struct of lists":
        feature: Any = {"feature": {"text": {"_type": "Value"}, "tag": tags}, "_type": "Sequence"}
        columns = {"tokens": "words.text", "tags": "words.tag"}
        path = write(tmp_path / "t.parquet", [{"words": words}], words=feature)
        (found,) = read_examples(path, "ner", "en", "train", columns=columns).rows
        assert found == Tagged(("Ana", "left"), ("B-PER", "O"))
        return
    rows: Rows = [{"answers": [{"text": "a", "label": 1}]}]
    feature = {"feature": {"text": {"_type": "Value"}, "label": tags}, "_type": "List"}
    path = write(tmp_path / "t.parquet", rows, answers=feature)
    with pytest.raises(UserError, match="'text' is missing"):
        labels(path)


@pytest.mark.parametrize("tags", [[-100, 1], [-2, 1], [1, -1]])
def test_a_tag_below_zero_is_none(tmp_path: Path, tags: list[int]) -> None:
    row = {"tokens": ["a", "b"], "tags": tags}
    (tmp_path / "t.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(UserError, match="which is no tag"):
        read_examples(tmp_path / "t.jsonl", "ner", "en", "train", names=("O", "B-PER", "I-PER"))


def test_the_number_of_a_choice_is_not_its_name(tmp_path: Path) -> None:
    rows: Rows = [{"question": "q", "choices": ["a", "b", "c"], "label": i} for i in (0, 1, 2)]
    path = write(tmp_path / "t.parquet", rows, label=of("1", "2", "3"))
    found = read_examples(path, "choice", "en", "train").rows
    assert [one.right for one in found if isinstance(one, Choice)] == [0, 1, 2]


def test_whole_numbers_as_pandas_writes_them_beside_gaps(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("text,label\na,1.0\nb,0.0\n")
    assert labels(tmp_path / "t.csv") == ["1", "0"]
    assert labels(tmp_path / "t.csv", names=("neg", "pos")) == ["pos", "neg"]


def test_columns_that_nobody_asked_for_may_hold_anything(tmp_path: Path) -> None:
    when = pa.array([2**62, 1], pa.timestamp("us"))
    whole = pa.table({"text": ["a", "b"], "label": ["x", "y"], "when": when})
    pq.write_table(whole, tmp_path / "t.parquet")
    assert labels(tmp_path / "t.parquet") == ["x", "y"]
