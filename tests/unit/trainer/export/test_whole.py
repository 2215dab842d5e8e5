"""A folder that is handed on is whole, or is not there."""

import errno
from pathlib import Path

import pytest
from safetensors import SafetensorError

from lingraft.errors import DiskFullError, LingraftError
from lingraft_trainer.export.export import whole


def test_files_come_up_once_all_are_written(tmp_path: Path) -> None:
    out = tmp_path / "some/new"
    with whole(out) as partial:
        (partial / "blobs").mkdir()
        (partial / "blobs/a").write_text("a")
        assert not any(one.is_file() for one in out.iterdir())
    assert [one.name for one in out.iterdir()] == ["blobs"] and (out / "blobs/a").is_file()


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize(
    ("error", "seen"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), DiskFullError),
        (SafetensorError("I/O error: No space left on device (os error 28)"), DiskFullError),
        (OSError(errno.EIO, "Input/output error"), LingraftError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_half_of_one_is_nowhere_and_it_can_be_done_again(
    error: BaseException, seen: type[BaseException], there: bool, tmp_path: Path
) -> None:
    out = tmp_path / "new"
    if there:
        out.mkdir()
    with pytest.raises(seen), whole(out) as partial:
        (partial / "config.json").write_text("{}")
        raise error
    assert out.exists() == there
    assert not there or not any(out.iterdir())
    with whole(out) as partial:
        (partial / "config.json").write_text("{}")
    assert [one.name for one in out.iterdir()] == ["config.json"]
