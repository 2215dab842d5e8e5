"""Sources in a bucket: pinned by size and ETag, read with If-Match."""

from pathlib import Path
from typing import Any, Literal

import pytest
from transformers import AutoModelForMaskedLM

from lingraft.errors import UserError
from lingraft.params import MiniParams
from lingraft.sources import fetch_source, fingerprint
from lingraft.stage import Stage, StageSpec
from lingraft.store import open_store
from lingraft.store.base import ArtifactStore
from lingraft.store.s3 import S3Store
from lingraft_trainer.models.checkpoint import load_lm
from lingraft_trainer.models.picked import save_picked
from lingraft_trainer.running.inputs import fetch_input
from tests.support.tiny import tiny_base


@pytest.fixture
def corpora(s3: Any) -> ArtifactStore:
    store = open_store(s3.uri)
    store.put("sw/a.txt", b"habari")
    store.put("sw/more/b.txt", b"njema")
    store.put("sw/.hidden", b"x")
    store.put("sw/.git/config", b"x")
    store.put("sw.txt", b"jambo")
    return store


def test_a_prefix(corpora: ArtifactStore, tmp_path: Path) -> None:
    with_slash, without = fingerprint(corpora.uri + "sw/"), fingerprint(corpora.uri + "sw")
    assert (with_slash.objects, with_slash.bytes) == (2, 11)
    assert with_slash.fingerprint == without.fingerprint
    folder = fetch_source(with_slash, tmp_path)
    assert folder == tmp_path / "source" / with_slash.fingerprint
    assert (folder / "a.txt").read_bytes() == b"habari"
    assert (folder / "more/b.txt").read_bytes() == b"njema"
    assert fetch_source(without, tmp_path) == folder


def test_a_file(corpora: ArtifactStore, tmp_path: Path) -> None:
    source = fingerprint(corpora.uri + "sw.txt")
    assert (source.objects, source.bytes) == (1, 5)
    path = fetch_source(source, tmp_path)
    assert path.name == "sw.txt" and path.read_bytes() == b"jambo"
    path.write_bytes(b"spoiled in the cache")
    assert fetch_source(source, tmp_path).read_bytes() == b"jambo"


def test_a_change_is_seen_whether_or_not_the_former_content_is_cached(
    corpora: ArtifactStore, tmp_path: Path
) -> None:
    source = fingerprint(corpora.uri + "sw/")
    fetch_source(source, tmp_path / "warm")
    corpora.put("sw/more/b.txt", b"mbaya")
    assert fingerprint(corpora.uri + "sw/").fingerprint != source.fingerprint
    for cache in ("warm", "cold"):
        with pytest.raises(UserError, match="changed since it was planned") as caught:
            fetch_source(source, tmp_path / cache)
        assert caught.value.where == corpora.uri + "sw/"
    corpora.delete("sw/more/b.txt")
    with pytest.raises(UserError, match=r"files: 2 then, 1 now; bytes: 11 then, 6 now\)"):
        fetch_source(source, tmp_path / "cold")
    assert not (tmp_path / "cold").exists()


def test_a_change_between_the_look_and_the_read_is_seen(
    corpora: ArtifactStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = fingerprint(corpora.uri + "sw/")

    def overwrite_then_read(self: S3Store, key: str, *rest: Any, **options: Any) -> Any:
        corpora.put("sw/a.txt", b"baadaye")
        return read(self, key, *rest, **options)

    read = S3Store.get_file
    monkeypatch.setattr(S3Store, "get_file", overwrite_then_read)
    with pytest.raises(UserError, match="changed since it was planned"):
        fetch_source(source, tmp_path)
    assert not (tmp_path / "source" / source.fingerprint).exists()


def test_nothing_there(corpora: ArtifactStore) -> None:
    for name in ("swa", "sw/a", "empty/"):
        with pytest.raises(UserError, match="nothing is there") as caught:
            fingerprint(corpora.uri + name)
        assert caught.value.where == corpora.uri + name


@pytest.mark.parametrize("sharded", [False, True])
@pytest.mark.parametrize("place", ["Next", "Top"])
def test_a_mini_model_on_a_small_node_takes_its_layers_of_the_base_alone(
    sharded: bool,
    place: Literal["Next", "Top"],
    s3: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LINGRAFT_CACHE", str(tmp_path / "cache"))
    base = tiny_base("roberta", tmp_path / "base", layers=8)
    if sharded:
        model = AutoModelForMaskedLM.from_pretrained(base)
        (base / "model.safetensors").unlink()
        model.save_pretrained(base, max_shard_size="20KB")
        assert len(list(base.glob("model-*.safetensors"))) > 2
    store = open_store(s3.uri)
    store.upload(base, "base/")
    source = fingerprint(s3.uri + "base/", "checkpoint")
    params = MiniParams(
        method="MiniPost", layers=1, new_layers=1, new_layers_from=place, training=None
    )
    stage = Stage(
        kind="mini",
        params=params.to_json(),
        inputs={"base": f"source/{source.fingerprint}"},
    )
    spec = StageSpec(
        stage=stage, sources={source.fingerprint: source}, store=s3.uri, holder="somebody"
    )
    folder = fetch_input(spec, store, "base")
    whole = sum(f.stat().st_size for f in base.glob("*.safetensors"))
    assert sum(f.stat().st_size for f in folder.glob("*.safetensors")) < whole / 2
    for name, whence in (("wanted", base), ("found", folder)):
        save_picked(whence, params.kept(8), tmp_path / name)
    wanted = load_lm(tmp_path / "wanted").model.state_dict()
    found = load_lm(tmp_path / "found").model.state_dict()
    assert wanted.keys() == found.keys()
    assert all(tensor.equal(found[name]) for name, tensor in wanted.items())
    assert fetch_input(spec, store, "base") == folder
