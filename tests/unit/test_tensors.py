"""Some tensors of a safetensors file, without the others: what the library itself reads."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from lingraft import tensors as module
from lingraft.errors import UserError
from lingraft.tensors import Part, Read, copy_tensors, read_header

DTYPES = [torch.float32, torch.bfloat16, torch.float16, torch.int64, torch.bool]


class File:
    """Reads ranges of a file, and remembers how much."""

    def __init__(self, path: Path) -> None:
        self.data, self.bytes = path.read_bytes(), 0

    def __call__(self, start: int, size: int) -> bytes:
        self.bytes += size
        return self.data[start : start + size]


def written(folder: Path, shapes: list[tuple[int, int]], seed: int) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    found = {
        f"t{i}": (torch.randn(shape, generator=generator) * 9).to(DTYPES[i % len(DTYPES)])
        for i, shape in enumerate(shapes)
    }
    save_file(found, folder / "all.safetensors")
    return found


SHAPES = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 7)), min_size=1, max_size=12)


@given(shapes=SHAPES, mask=st.integers(0, 2**12 - 1), seed=st.integers(0, 9))
def test_a_part_is_what_the_whole_has_under_its_names(
    tmp_path_factory: pytest.TempPathFactory, shapes: list[tuple[int, int]], mask: int, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("tensors")
    whole = written(folder, shapes, seed)
    names = {name for i, name in enumerate(whole) if mask >> i & 1}
    file = File(folder / "all.safetensors")
    copy_tensors({"all": file}, Part("some", names.__contains__), folder / "some.safetensors")
    found = load_file(folder / "some.safetensors")
    assert set(found) == names
    for name, tensor in found.items():
        assert tensor.dtype == whole[name].dtype and tensor.equal(whole[name])


def test_entries_are_the_librarys(tmp_path: Path) -> None:
    whole = written(tmp_path, [(2, 3), (4, 1), (0, 2), (5, 5)], 1)
    entries = read_header(File(tmp_path / "all.safetensors"), where="all")
    assert {n: e.shape for n, e in entries.items()} == {n: tuple(t.shape) for n, t in whole.items()}
    assert [e.start for e in entries.values()] == sorted(e.start for e in entries.values())
    assert entries["t0"].dtype == "F32" and entries["t1"].dtype == "BF16"


def test_only_what_is_wanted_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RANGE", 1000)
    save_file({"big": torch.ones(500, 500), "small": torch.ones(600)}, tmp_path / "all.safetensors")
    file = File(tmp_path / "all.safetensors")
    copy_tensors({"all": file}, Part("small", lambda name: name == "small"), tmp_path / "out")
    assert file.bytes < 4 * 600 + 1000
    assert load_file(tmp_path / "out")["small"].equal(torch.ones(600))


def test_several_files_become_one(tmp_path: Path) -> None:
    files: dict[str, Read] = {}
    for i in range(3):
        save_file({f"a{i}": torch.full((4,), i), f"b{i}": torch.ones(2)}, tmp_path / f"{i}")
        files[f"{i}"] = File(tmp_path / f"{i}")
    copy_tensors(files, Part("a", lambda name: name.startswith("a")), tmp_path / "out")
    assert {n: t.tolist() for n, t in load_file(tmp_path / "out").items()} == {
        f"a{i}": [i] * 4 for i in range(3)
    }


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "no safetensors file"),
        (b"PK\x03\x04 a zip file, of pickles", "no safetensors file"),
        ((40).to_bytes(8, "little") + b"{not json", "header cannot be read"),
        ((2).to_bytes(8, "little") + b"[]", "header cannot be read"),
        ((16).to_bytes(8, "little") + b'{"a": {"b": 1}}\n', "header cannot be read"),
    ],
)
def test_what_is_none_is_refused(data: bytes, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence) as caught:
        read_header(lambda start, size: data[start : start + size], where="s3://b/x")
    assert caught.value.where == "s3://b/x"


def test_a_file_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    written(tmp_path, [(5, 5)], 0)
    data = (tmp_path / "all.safetensors").read_bytes()[:-3]
    with pytest.raises(UserError, match="ends before its header says"):
        copy_tensors(
            {"all": lambda start, size: data[start : start + size]},
            Part("all", lambda name: True),
            tmp_path / "out",
        )
