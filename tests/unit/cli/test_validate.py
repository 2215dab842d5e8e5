"""What is said of a file before anything is planned."""

from pathlib import Path

import pytest

from lingraft import cli
from lingraft.errors import UserError
from tests.support.cli import RESOURCE, call


def test_validate_prints_every_mistake_to_stderr_and_exits_2(capsys, file):
    file.write_text(RESOURCE.replace("Standard", "Standart").replace("language: sw", "language: 1"))
    code, out, err = call(capsys, "validate", "-f", str(file))
    assert code == 2
    assert out == ""
    assert [line.split(":")[1] for line in err.splitlines()] == ["5", "6"]


def test_validate_opens_the_task_files_that_are_here(capsys, file):
    assert call(capsys, "validate", "-f", str(file))[0] == 0
    (file.parent / "en.jsonl").write_text('{"text": "a"}\n')
    (file.parent / "sw.jsonl").unlink()
    (file.parent / "base/config.json").unlink()
    code, out, err = call(capsys, "validate", "-f", str(file))
    assert (code, out) == (2, "")
    assert err.startswith(f"{file}:13: spec.tasks[0].train: {file.parent}/en.jsonl:1: the field")
    assert len(err.splitlines()) == 1, "what is not here is not asked for"


def test_a_budget_or_a_schedule_that_is_none_is_named_with_its_line(capsys, file):
    file.write_text(RESOURCE + '  budget: {}\n  refresh: {schedule: "@every 1h", timeZone: Mars}\n')
    code, _, err = call(capsys, "validate", "-f", str(file))
    lines = len(RESOURCE.splitlines())
    assert code == 2
    assert f"sw.yaml:{lines + 1}: spec.budget: set at least one of flops, deviceHours" in err
    assert f"sw.yaml:{lines + 2}: spec.refresh.schedule: write five fields" in err
    assert f"sw.yaml:{lines + 2}: spec.refresh.timeZone: 'Mars' is no time zone" in err


def test_what_a_cluster_does_not_leave_to_tenants_is_said_before(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = file.read_text()
    file.write_text(text + "  pools: {large: {workers: 9}}\n")
    settings = tmp_path / "config.yaml"
    settings.write_text("pools: {large: {max: {workers: 4}, cpu: '8'}}\nstore: null\n")
    for command in ("validate", "plan"):
        with pytest.raises(SystemExit) as ended:
            cli.main([command, "-f", str(file), "--cluster", str(settings)])
        assert ended.value.code == UserError.exit_code
        said = capsys.readouterr().err
        line = 1 + file.read_text().splitlines().index("  pools: {large: {workers: 9}}")
        assert f"{file}:{line}: spec.pools.large.workers: is 9; at most 4" in said
    with pytest.raises(SystemExit) as ended:
        cli.main(["validate", "-f", str(file)])
    assert not ended.value.code


def test_explain_prints_a_field_and_what_is_below_it(capsys):
    code, out, _ = call(capsys, "explain", "spec.mini")
    assert code == 0
    assert "FIELD: mini <Object>" in out
    assert "Default: a third of the base's." in " ".join(out.split())


def test_explain_names_the_field_that_was_meant(capsys):
    code, _, err = call(capsys, "explain", "spec.minni")
    assert (code, err) == (
        2,
        "error: spec.minni: there is no such field; did you mean spec.mini?\n",
    )
