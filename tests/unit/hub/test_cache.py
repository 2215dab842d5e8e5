"""The Hub's local cache: read as huggingface_hub reads it, whole or not at all."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import snapshot_download, try_to_load_from_cache

from lingraft.errors import UserError
from lingraft.hub.cache import hub_cache, namesakes, snapshot
from lingraft.hub.names import HubModel
from tests.support.hub import COMMIT, download

BASE = HubModel("FacebookAI/roberta-base")
OTHER = "0" * 40


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json", "README.md"):
        (folder / name).write_text(name)
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "hub"


def found(model: HubModel, cache: Path) -> Path | None:
    return snapshot(model, cache, weights=True)


def refusal(model: HubModel, cache: Path, *, weights: bool = True) -> str:
    with pytest.raises(UserError) as caught:
        snapshot(model, cache, weights=weights)
    return str(caught.value)


@pytest.mark.parametrize(
    "environment",
    [
        {"HF_HUB_CACHE": "/a/b", "HF_HOME": "/c"},
        {"HUGGINGFACE_HUB_CACHE": "/old", "HF_HOME": "/c"},
        {"HF_HOME": "~/mine", "XDG_CACHE_HOME": "/x"},
        {"HF_HOME": "$HOME/mine"},
        {"XDG_CACHE_HOME": "/x"},
        {},
    ],
    ids=str,
)
def test_it_lies_where_huggingface_hub_has_it(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    code = "from huggingface_hub import constants; print(constants.HF_HUB_CACHE)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert hub_cache() == Path(done.stdout.strip())


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", "")
    monkeypatch.setenv("HF_HOME", "/c")
    assert hub_cache() == Path("/c/hub")


@pytest.mark.parametrize("revision", ["main", "v1", "refs/pr/3", COMMIT])
@pytest.mark.parametrize("repository", ["FacebookAI/roberta-base", "roberta-base"])
def test_a_snapshot_is_the_one_that_huggingface_hub_finds(
    files: Path, cache: Path, repository: str, revision: str
) -> None:
    download(files, repository, cache, revision=revision)
    asked = None if revision == "main" else revision
    place = snapshot_download(repository, revision=asked, cache_dir=cache, local_files_only=True)
    weights = try_to_load_from_cache(repository, "model.safetensors", cache, asked)
    assert found(HubModel(repository, asked or ""), cache) == Path(place)
    assert weights == f"{place}/model.safetensors"


def test_the_branch_leads_to_its_commit_and_no_other_is_taken(files: Path, cache: Path) -> None:
    download(files, BASE.repository, cache, commit=OTHER, revision=OTHER)
    assert found(BASE, cache) is None, "no branch was downloaded"
    download(files, BASE.repository, cache)
    home = cache / "models--FacebookAI--roberta-base/snapshots"
    assert found(BASE, cache) == home / COMMIT
    assert found(HubModel(BASE.repository, OTHER), cache) == home / OTHER
    assert found(HubModel(BASE.repository, "v2"), cache) is None
    assert found(HubModel("FacebookAI/roberta-large"), cache) is None
    assert found(HubModel("roberta-base"), cache) is None


@pytest.mark.parametrize("content", ["", "main", "../../..", f"{COMMIT}x", "x" * 10_000, "\xff"])
def test_a_ref_that_is_no_commit_leads_nowhere(files: Path, cache: Path, content: str) -> None:
    download(files, BASE.repository, cache)
    (cache / "models--FacebookAI--roberta-base/refs/main").write_text(content)
    assert found(BASE, cache) is None


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        (["config.json"], "model.safetensors, tokenizer.json"),
        (["config.json", "model.safetensors", "tokenizer_config.json"], "tokenizer.json"),
        (["tokenizer.json"], "config.json, model.safetensors"),
        (["config.json", "tokenizer.json"], "model.safetensors"),
        ([], "config.json, model.safetensors, tokenizer.json"),
    ],
    ids=str,
)
def test_half_a_snapshot_says_what_completes_it(
    files: Path, cache: Path, names: list[str], missing: str
) -> None:
    (files / "tokenizer_config.json").write_text("{}")
    download(files, BASE.repository, cache, names=names)
    assert refusal(BASE, cache) == (
        f"the local Hub cache has FacebookAI/roberta-base without {missing}; "
        "complete it with: hf download FacebookAI/roberta-base"
    )


def test_for_a_tokenizer_no_weights_are_wanted(files: Path, cache: Path) -> None:
    (files / "spiece.model").write_text("pieces")
    place = download(files, BASE.repository, cache, names=["config.json", "spiece.model"])
    assert snapshot(BASE, cache, weights=False) == place
    download(files, "a/b", cache, names=["config.json"])
    assert "without tokenizer.json; " in refusal(HubModel("a/b"), cache, weights=False)


def test_a_blob_that_was_removed_is_not_there(files: Path, cache: Path) -> None:
    place = download(files, BASE.repository, cache)
    (place / "model.safetensors").resolve().unlink()
    assert "without model.safetensors;" in refusal(BASE, cache)


def test_every_shard_has_to_be_there(files: Path, cache: Path) -> None:
    (files / "model.safetensors").unlink()
    shards = [f"model-0000{i}-of-00003.safetensors" for i in (1, 2, 3)]
    index = {"weight_map": {"a": shards[0], "b": shards[1], "c": shards[2], "d": shards[2]}}
    (files / "model.safetensors.index.json").write_text(json.dumps(index))
    for shard in shards:
        (files / shard).write_text(shard)
    place = download(files, BASE.repository, cache)
    assert found(BASE, cache) == place
    for shard in shards[1:]:
        (place / shard).unlink()
    assert f"without {shards[1]}, {shards[2]}; complete" in refusal(BASE, cache)
    for broken in ("", "[]", '{"weight_map": 1}', "[" * 100_000):
        (place / "model.safetensors.index.json").resolve().write_text(broken)
        assert found(BASE, cache) == place, "what is wrong with it is said by who reads it"


def test_pickled_weights_may_be_all_that_the_hub_has(files: Path, cache: Path) -> None:
    (files / "model.safetensors").rename(files / "pytorch_model.bin")
    download(files, BASE.repository, cache)
    assert refusal(BASE, cache).endswith(
        "complete it with: hf download FacebookAI/roberta-base, or, if the Hub has no "
        "model.safetensors of it, convert it with save_pretrained(...)"
    )


def test_links_that_lead_out_of_the_cache_are_refused(files: Path, cache: Path) -> None:
    place = download(files, BASE.repository, cache)
    link = place / "tokenizer.json"
    link.unlink()
    link.symlink_to(files / "tokenizer.json")
    assert refusal(BASE, cache) == (
        f"{link} leads out of the local Hub cache; remove it, and download it anew"
    )
    link.unlink()
    below = place / "1_Pooling/config.json"
    below.parent.mkdir()
    below.symlink_to(files / "config.json")
    assert f"{below} leads out" in refusal(BASE, cache)
    below.unlink()
    place.rename(files / "elsewhere")
    place.symlink_to(files / "elsewhere")
    assert f"{place} leads out" in refusal(BASE, cache)


def test_links_within_the_cache_and_a_model_on_another_disk(files: Path, cache: Path) -> None:
    place = download(files, BASE.repository, cache)
    # huggingface_hub keeps one blob for several repositories so.
    blob, shared = (place / "model.safetensors").resolve(), cache / "blobs/ab/abcd"
    shared.parent.mkdir(parents=True)
    blob.rename(shared)
    blob.symlink_to(os.path.relpath(shared, blob.parent))
    assert found(BASE, cache) == place
    shared.rename(blob)
    home = cache / "models--FacebookAI--roberta-base"
    home.rename(files.parent / "disk")
    home.symlink_to(files.parent / "disk")
    assert found(BASE, cache) == place
    cache.rename(files.parent / "moved")
    cache.symlink_to(files.parent / "moved")
    assert found(BASE, cache) == place


def test_what_has_the_same_name(files: Path, cache: Path) -> None:
    for repository in ("FacebookAI/roberta-base", "x/my-roberta-base", "roberta-base", "z/other"):
        download(files, repository, cache)
    (cache / "models--empty--roberta-base").mkdir()
    assert namesakes(HubModel("roberta-base"), cache) == ["FacebookAI/roberta-base"]
    assert namesakes(HubModel("y/roberta-base"), cache) == [
        "FacebookAI/roberta-base",
        "roberta-base",
    ]
    assert namesakes(HubModel("roberta-base"), cache / "none") == []
