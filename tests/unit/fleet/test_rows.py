"""Rows: what a cluster prints, whoever wrote it, and what a file's store holds."""

import csv
import io
import json
from typing import Any

import pytest

from lingraft.errors import UserError
from lingraft.fleet import cluster
from lingraft.fleet.cluster import read_rows, row_of
from lingraft.fleet.local import row_of_run
from lingraft.fleet.row import LONGEST, MOST_SCORES, Row, Score, clean, ordered
from lingraft.fleet.table import CSV_TITLES, lines, to_csv
from lingraft.publish import Current
from lingraft.resource import LanguageAdaptation
from tests.support.finished import HOSTILE, MINI, finished_run
from tests.support.fleets import evaluated, fleet, resource, whole_status
from tests.support.specs import fields_of, task


def read(content: Any) -> list[Row]:
    return read_rows(io.BytesIO(json.dumps(content).encode()), "standard input")


def test_a_row_has_all_that_a_status_says() -> None:
    row = row_of(resource(**whole_status()))
    assert row == Row(
        name="models/french",
        language="fr",
        phase="Ready",
        progress="done",
        scores=(
            Score("genre", "macroF1", 0.6, 0.03, 0.31, 0.5, True),
            Score("xnli", "accuracy", 0.4, 0.03, 0.31, 0.45, False),
        ),
        bits_before=2.75,
        bits_after=1.17,
        tokens_before=2.3,
        tokens_after=1.5,
        saved=1.98,
        device_hours=1.5,
        cost="12.50 EUR",
        published="0123456789ab",
        published_since="2026-01-02T03:04:05+00:00",
    )


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"metadata": None, "spec": [], "status": "x"},
        {"status": {"phase": "Odd", "evaluation": [{"task": 3}], "heldout": {"bitsPerByte": "x"}}},
        {"status": {"compute": {"savedPerStep": "nanx"}, "evaluation": [evaluated(value="NaN")]}},
        resource(published={"uri": "", "version": None, "as": "pack"}),
    ],
)
def test_what_is_not_understood_is_left_out(item: dict[str, Any]) -> None:
    row = row_of(item)
    assert row.phase in ("Pending", "Ready") and not row.scores and row.saved is None


def test_one_resource_or_many_and_nothing_else() -> None:
    assert len(read(resource())) == 1
    assert len(read(fleet(3))) == 4
    assert read({"kind": "List", "items": [{"kind": "Pod"}, 3, None]}) == [row_of({})] * 2
    for content in ([], {}, "x", {"kind": "Pod"}):
        with pytest.raises(UserError, match=r"no list of resources.*kubectl get la -A -o json"):
            read(content)


@pytest.mark.parametrize("text", [b"", b"{", b"[" * 100_000, b"\xff\xfe"])
def test_what_is_no_json_is_said(text: bytes) -> None:
    with pytest.raises(UserError, match="this is no JSON"):
        read_rows(io.BytesIO(text), "standard input")


def test_reading_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "MOST_RESOURCES", 3)
    with pytest.raises(UserError, match="more than 3 resources"):
        read(fleet(3))
    monkeypatch.setattr(cluster, "MOST_BYTES", 1 << 20)

    class Endless(io.RawIOBase):
        asked = 0

        def read(self, size: int = -1, /) -> bytes:
            self.asked += size
            return b" " * size

    endless = Endless()
    with pytest.raises(UserError, match="more than 1 MiB"):
        read_rows(endless, "standard input")  # type: ignore[arg-type]
    assert endless.asked == (1 << 20) + 1
    many = resource(evaluation=[evaluated(f"t{i}") for i in range(100)])
    assert len(row_of(many).scores) == MOST_SCORES
    assert len(row_of(resource("n" * 10_000)).name) < 2 * LONGEST + 2


def test_what_people_wrote_moves_no_cursor() -> None:
    assert clean("a\x1b[31m\nb\u202ec") == "a [31m b c" and clean(None) == ""


def test_rows_are_in_the_order_of_languages() -> None:
    rows = read({"items": [resource("b", "sw"), resource("a", "sw"), resource("c", "de")]})
    assert [row.name for row in ordered(rows)] == ["models/c", "models/a", "models/b"]


def test_the_table_has_a_line_a_task() -> None:
    head, first, second = lines([row_of(resource(**whole_status()))])
    assert head.split("   ")[0].strip() == "LANGUAGE"
    for cell in ("fr", "models/french", "Ready", "2.750 → 1.170", "2.30 → 1.50", "1.98x", "1.50"):
        assert cell in first
    assert "genre 0.600 ± 0.030 (floor 0.310, gate 0.500 passed)" in first
    assert second.strip() == "xnli 0.400 ± 0.030 (floor 0.310, gate 0.450 FAILED)"


def test_csv_has_a_line_a_task_and_no_formulas() -> None:
    rows = [
        row_of(resource(**whole_status())),
        row_of(resource("=1+2", "@x", "-n", progress="+3")),
        row_of(resource(HOSTILE)),
    ]
    found = list(csv.DictReader(io.StringIO(to_csv(rows))))
    assert list(found[0]) == list(CSV_TITLES)
    assert [one["task"] for one in found] == ["genre", "xnli", "", ""]
    assert found[1]["score"] == "0.4" and found[1]["gate passed"] == "False"
    assert found[0]["bits per byte before"] == "2.75"
    assert found[2]["language"] == "'@x" and found[2]["name"] == "'-n/=1+2"
    assert found[2]["progress"] == "'+3" and found[3]["name"] == f"models/{HOSTILE}"


def test_a_run_on_this_machine_has_the_same_row() -> None:
    fields = fields_of("MiniPost") | {"mini": MINI, "language": "fr"}
    fields["tasks"] = [task("genre", gate={"metric": "accuracy", "min": 0.5})]
    resource_ = LanguageAdaptation.model_validate(
        {
            "apiVersion": "lingraft.dev/v1alpha1",
            "kind": "LanguageAdaptation",
            "metadata": {"name": "french"},
            "spec": fields,
        }
    )
    plan, manifests = finished_run()
    current = Current(version="abc", language="fr", since="2026-01-01T00:00:00Z", history=())
    row = row_of_run(resource_, plan, manifests, current)
    assert (row.name, row.language) == ("default/french", "fr")
    assert (row.phase, row.progress) == ("Ready", "done")
    assert row.scores == (Score("genre", "accuracy", 0.612, 0.03, 0.31, 0.5, True),)
    assert (row.bits_before, row.bits_after) == (2.75, 1.17)
    assert row.saved == pytest.approx(plan.saved_per_step) and row.published == "abc"
    assert row.device_hours == pytest.approx(12 * len(manifests) / 3600)
    graft = manifests.pop("graft")
    row = row_of_run(resource_, plan, manifests)
    assert (row.phase, row.scores, row.bits_after) == ("Pending", (), None)
    assert row.progress == f"{len(manifests)} of {len(plan.stages)} stages are done"
    graft.metrics["evaluation"][0]["metrics"]["accuracy"]["mean"] = 0.4
    row = row_of_run(resource_, plan, manifests | {"graft": graft})
    assert (row.phase, row.progress) == ("Stalled", "a quality gate failed")
