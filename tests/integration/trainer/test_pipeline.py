"""Whole adaptations, from text to grafted models, on both stores."""

from pathlib import Path

import pytest
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer

from lingraft.errors import CorruptArtifactError, UserError
from lingraft.plan import Plan
from lingraft.planning import plan_resource
from lingraft.stage import Manifest
from lingraft.store import open_store
from lingraft_trainer.export.export import export
from lingraft_trainer.running.local import run_plan
from tests.support.event_files import events_of
from tests.support.stages import PINNED
from tests.support.tiny import reading_base
from tests.support.world import Recorder, resource_of, write_world

pytestmark = pytest.mark.ray
LATER = {"corpus", "finetune-topic-0", "source-corpus", "pretrain"}
"""What the methods share: only `mini`, `embed` and `graft` are a method's own."""


@pytest.fixture(params=["file", "s3"])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """URIs of the texts and of an empty store, of each kind in turn."""
    texts = write_world(tmp_path / "texts")
    if request.param == "file":
        return texts.as_uri() + "/", (tmp_path / "store").as_uri() + "/"
    home = request.getfixturevalue("s3").uri
    open_store(home).upload(texts, "texts/")
    return f"{home}texts/", f"{home}store/"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINGRAFT_CACHE", str(tmp_path / "cache"))


def execute(planned: Plan) -> tuple[dict[str, Manifest], Recorder]:
    recorder = Recorder()
    return run_plan(planned, PINNED, recorder), recorder


def test_three_methods_end_to_end(
    places: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts, store = places
    own = {"MiniJoint": {"mini"}, "Standard": set(), "MiniPost": {"mini-corpus", "mini"}}
    runs: list[tuple[Plan, dict[str, Manifest]]] = []
    for method in own:
        planned = plan_resource(resource_of(method, texts, store))
        names = {stage.name for stage in planned.stages}
        manifests, recorder = execute(planned)
        assert set(manifests) == names == LATER | own[method] | {"embed", "graft"}
        if method != "MiniJoint":  # the first one
            assert set(recorder.ran) == own[method] | {"embed", "graft"}
        _check_report(manifests, method)
        _check_curves(store, manifests)
        again, recorder = execute(planned)
        assert again == manifests
        assert not recorder.ran and set(recorder.found) == names
        runs.append((planned, manifests))

    planned, manifests = runs[-1]
    _flip_a_byte(store, manifests["embed"], "embeddings.safetensors")
    # A cache that is new, as on another machine: the old one has a copy that is good.
    monkeypatch.setenv("LINGRAFT_CACHE", str(tmp_path / "another"))
    open_store(store).delete(f"{manifests['graft'].stage.ref}/manifest.json")
    with pytest.raises(CorruptArtifactError) as caught:
        execute(planned)
    assert caught.value.where.endswith("files/embeddings.safetensors")
    assert "run again" in caught.value.message


def _check_report(manifests: dict[str, Manifest], method: str) -> None:
    topic, pairs = manifests["graft"].metrics["evaluation"]
    assert topic["task"] == "topic" and topic["examples"] == 16
    assert 0 <= topic["metrics"]["accuracy"]["mean"] <= 1
    assert topic["sourceMetrics"]["accuracy"]["stderr"] is not None
    assert pairs["task"] == "pairs" and pairs["examples"] == 12
    cost = manifests["graft"].metrics["compute"]
    assert (cost["savedPerStep"] > 1) == (method != "Standard")
    assert (cost["oneTimeFlops"] > 0) == (method != "Standard")
    for name, manifest in manifests.items():
        assert manifest.compute.seconds > 0 or name == "mini", name
        if name in ("pretrain", "embed", "finetune-topic-0"):
            assert manifest.compute.flops > 0 and manifest.environment["precision"] == "fp32"


def _check_curves(store_uri: str, manifests: dict[str, Manifest]) -> None:
    """One event file beside the manifest of every stage that measures something."""
    store = open_store(store_uri)
    found: dict[str, dict[str, list[int]]] = {}
    for name, manifest in manifests.items():
        files = list(store.list(f"{manifest.stage.ref}/events.out.tfevents."))
        for file in files:
            got = store.get(file.key, most=1 << 30)
            assert len(files) == 1 and got is not None
            found[name] = {}
            for event in events_of(got[0]):
                for value in event.summary.value:
                    found[name].setdefault(value.tag, []).append(event.step)
    trained = {name for name, manifest in manifests.items() if "curve" in manifest.metrics}
    assert set(found) == trained | {"graft"} and {"pretrain", "embed"} <= trained
    for name in trained:
        curve = [point["step"] for point in manifests[name].metrics["curve"]]
        assert found[name]["train/loss"] == found[name]["train/learningRate"] == curve
    assert found["graft"]["heldout/bitsPerByte"] == [0, 12]
    assert found["graft"]["topic/accuracy"] == found["graft"]["pairs/accuracy/untouched"] == [12]
    assert found["pretrain"]["heldout/bitsPerByte"] == [12]
    assert found["finetune-topic-0"]["dev/accuracy"]


def _flip_a_byte(store_uri: str, manifest: Manifest, name: str) -> None:
    store = open_store(store_uri)
    key = f"{manifest.stage.ref}/{manifest.holder}/files/{name}"
    found = store.get(key, most=1 << 30)
    assert found is not None
    damaged = bytearray(found[0])
    damaged[-1] ^= 1
    store.put(key, bytes(damaged))


def test_minipost_adapts_a_body_without_a_head(tmp_path: Path) -> None:
    world = write_world(tmp_path / "texts")
    texts = world.as_uri() + "/"
    base = _headless(world / "en.txt", tmp_path / "base")
    store = (tmp_path / "store").as_uri() + "/"
    plan = plan_resource(resource_of("MiniPost", texts, store, base=base.as_uri() + "/"))
    model = tmp_path / "model"
    with pytest.raises(UserError, match="not in the store yet"):
        export(plan, "model", model)
    manifests, _ = execute(plan)
    assert export(plan, "model", model)["loadTest"]["class"] == "BertModel"
    with pytest.raises(UserError, match="there is something already"):
        export(plan, "model", model)
    task = export(plan, "modelcar", tmp_path / "car", task="topic-0")
    assert task["loadTest"]["class"] == "BertForSequenceClassification"
    with pytest.raises(UserError, match="no task model topic-7; there are: topic-0"):
        export(plan, "model", tmp_path / "none", task="topic-7")
    tokenizer = AutoTokenizer.from_pretrained(model)
    body, loading = AutoModel.from_pretrained(model, output_loading_info=True)
    assert not loading["missing_keys"] and not loading["unexpected_keys"]
    assert body.config.vocab_size == len(tokenizer) == 80
    assert manifests["graft"].metrics["heldout"] is None
    assert manifests["embed"].metrics["layers"] == 3
    _, loading = AutoModelForMaskedLM.from_pretrained(model, output_loading_info=True)
    assert loading["missing_keys"], "there is no masked-LM head to export"


def _headless(text: Path, folder: Path) -> Path:
    reading_base("bert", text, folder)
    body = AutoModel.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    body.save_pretrained(folder)
    return folder
