"""What `lingraft export` refuses before it loads anything heavy."""

import sys
from pathlib import Path

import pytest

from tests.support.cli import call


@pytest.fixture(autouse=True)
def no_trainer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Importing it takes ten seconds: whoever gets there has not been refused in time."""
    monkeypatch.setitem(sys.modules, "lingraft_trainer.export.export", None)


def export(capsys, file: Path, out: Path) -> tuple[int, str]:
    code, _, err = call(capsys, "export", "-f", str(file), "-o", str(out))
    return code, err


def test_a_folder_with_something_in_it(capsys, file: Path) -> None:
    code, err = export(capsys, file, file.parent)
    assert (code, err) == (
        2,
        f"error: {file.parent}: there is something already; name a folder that is new\n",
    )
    assert export(capsys, file, file)[1].startswith(f"error: {file}: there is something already")


def test_the_folder_comes_first_whatever_the_file_says(capsys, file: Path) -> None:
    file.write_text("no: resource")
    assert "there is something already" in export(capsys, file, file.parent)[1]


def test_where_no_folder_can_be_made(capsys, monkeypatch, file: Path) -> None:
    code, err = export(capsys, file, file / "out")
    assert code == 2 and f"no folder can be made there: {file} is a file" in err
    shut = file.parent  # by hand: root may write everywhere
    monkeypatch.setattr("os.access", lambda path, *_, **__: Path(path) != shut)
    code, err = export(capsys, file, file.parent / "some/new")
    assert code == 2 and f"no folder can be made there: {file.parent} cannot be written to" in err


def test_what_was_not_run(capsys, file: Path) -> None:
    code, err = export(capsys, file, file.parent / "new")
    assert (code, err) == (
        2,
        "error: lingraft export: its graft is not in the store yet: run it first\n",
    )
    assert not (file.parent / "new").exists()
