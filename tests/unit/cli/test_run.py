"""Runs and reports: what they print, where, and their exit codes. Nothing is trained here."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from lingraft import hashes
from lingraft.errors import UserError
from tests.support.cli import RESOURCE, call


def test_a_short_run_is_told_of_before_it_starts(capsys, file, trainer):
    file.write_text(RESOURCE.replace("steps: 600", "steps: 20"))
    _, out, err = call(capsys, "run", "-f", str(file))
    assert err.startswith("warning: spec.embeddings: 20 updates are few")
    _, out, _ = call(capsys, "plan", "-f", str(file))
    assert "warning: spec.embeddings: 20 updates are few" in out


def test_run_prints_scores_and_a_passed_gate(capsys, file, trainer):
    arguments = ("--threads", "1", "--precision", "fp32")
    code, out, _ = call(capsys, "run", "-f", str(file), *arguments)
    assert code == 0
    assert "0.600 ± 0.020" in out
    assert "gate genre: accuracy 0.600, at least 0.500: passed" in out
    assert (trainer.execution.threads, trainer.execution.precision) == (1, "fp32")


def test_a_refresh_reads_local_files_that_look_unchanged(
    capsys, file, trainer, tmp_path, monkeypatch
):
    monkeypatch.setenv("LINGRAFT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(hashes, "SETTLED_NS", -(10**12))
    call(capsys, "run", "-f", str(file))
    read: list[Path] = []
    monkeypatch.setattr(hashes, "hash_file", lambda path: read.append(path) or (1, "changed"))
    assert call(capsys, "run", "-f", str(file))[0] == 0 and not read
    assert call(capsys, "run", "-f", str(file), "--refresh")[0] == 0
    assert file.parent / "sw.txt" in read


def test_a_failed_gate_exits_3(capsys, file, trainer):
    trainer.score = 0.4
    code, out, _ = call(capsys, "run", "-f", str(file))
    assert code == 3
    assert "FAILED" in out


def test_json_output_is_one_event_a_line_and_nothing_else(capsys, file, trainer):
    _, out, _ = call(capsys, "run", "-f", str(file), "--json")
    events = [json.loads(line) for line in out.splitlines()]
    assert {e["event"] for e in events} == {"started", "progress", "finished", "result"}
    assert events[-1]["gatesPassed"] is True
    assert events[-1]["costs"]["method"] == "Standard"
    assert events[-1]["warnings"] == []


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (UserError("is empty", where="corpus"), 2, "error: corpus: is empty\n"),
        (KeyboardInterrupt(), 130, "stopped; run the same command to resume\n"),
    ],
)
def test_errors_are_one_sentence(capsys, file, trainer, error, code, sentence):
    def fail(*_):
        raise error

    trainer.run_plan = fail
    found, _, err = call(capsys, "run", "-f", str(file))
    assert (found, err) == (code, sentence)


def test_an_unexpected_error_says_where_its_details_are(capsys, file, trainer):
    def fail(*_):
        raise RuntimeError("boom")

    trainer.run_plan = fail
    code, _, err = call(capsys, "run", "-f", str(file))
    assert code == 1
    assert err.startswith("error: RuntimeError: boom (details: ")
    log = Path(err.split("details: ")[1].rstrip(")\n"))
    assert "Traceback" in log.read_text()
    log.unlink()


def test_report_works_before_anything_has_run(capsys, file, tmp_path):
    page = tmp_path / "page.html"
    code, _, _ = call(capsys, "report", "-f", str(file), "-o", str(page))
    assert code == 0
    assert re.search(r"0 of \d+ stages are done", page.read_text())


def test_a_gate_fails_a_degenerate_model_whatever_its_score(capsys, file, trainer):
    trainer.degenerate = ["it answers law for every example"]
    code, out, _ = call(capsys, "run", "-f", str(file))
    assert code == 3
    assert "at least 0.500: FAILED, it answers law for every example" in out


@pytest.mark.parametrize("place", [".", "sw.yaml/page.html"])
def test_a_page_that_cannot_be_written_is_one_sentence(capsys, file, trainer, place):
    output = file.parent / place
    for arguments in (("report", "-f", str(file)), ("fleet", str(file))):
        code, _, err = call(capsys, *arguments, "-o", str(output))
        assert code == 2 and err.startswith(f"error: {output}: "), err
        assert "details" not in err


def test_a_terminal_without_the_letters_ends_nothing(file):
    """Results are told in the new language, whatever the terminal can show."""
    given = os.environ | {"PYTHONIOENCODING": "ascii:strict"}
    other = file.rename(file.with_name("\u0441\u043d\u0435\u0433.yaml"))
    command = [sys.executable, "-m", "lingraft.cli", "validate", "-f", str(other)]
    ran = subprocess.run(command, capture_output=True, env=given, text=True)
    assert ran.returncode == 0, ran.stderr
    assert r"\u0441\u043d\u0435\u0433.yaml: demo is valid" in ran.stdout


def test_one_language_that_cannot_be_planned_hides_no_other(capsys, file):
    bad = file.with_name("bad.yaml")
    text = file.read_text().replace("sw.txt", "gone.txt").replace("name: demo", "name: bad")
    bad.write_text(text)
    code, out, _ = call(capsys, "fleet", str(file), str(bad), "--csv")
    assert code == 0
    first, second = sorted(out.splitlines()[1:])
    assert first.startswith('sw,default/bad,Stalled,"spec.corpus.uri: ')
    assert second.startswith("sw,default/demo,Pending,")
