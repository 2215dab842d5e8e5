"""A resource with a place: published once its gates are passed, and never before."""

import json
from pathlib import Path
from typing import Any

import pytest

import lingraft
from lingraft.errors import UserError
from lingraft.planning import plan_resource
from lingraft.publish import Place
from lingraft.resource import LanguageAdaptation
from lingraft.stage import Manifest
from lingraft.store import open_store
from lingraft_trainer.running.local import run_plan
from tests.support.stages import PINNED
from tests.support.tiny import reading_base
from tests.support.world import Recorder, resource_of, write_world


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINGRAFT_CACHE", str(tmp_path / "cache"))


def test_only_what_passes_its_gates_is_published(tmp_path: Path) -> None:
    texts = write_world(tmp_path / "texts")
    base = reading_base("bert", texts / "en.txt", tmp_path / "base")
    uri = (tmp_path / "place").as_uri() + "/"
    given: dict[str, Any] = resource_of(
        "MiniPost",
        texts.as_uri() + "/",
        (tmp_path / "store").as_uri() + "/",
        base=base.as_uri() + "/",
    ).model_dump(by_alias=True, exclude_unset=True)
    spec = given["spec"]
    task = spec["tasks"][0]

    def run(**publish: Any) -> tuple[Manifest, list[str]]:
        spec["publish"] = {"uri": uri} | publish
        recorder = Recorder()
        plan = plan_resource(LanguageAdaptation.model_validate(given))
        return run_plan(plan, PINNED, recorder)["publish"], recorder.ran

    task["gate"] = {"metric": "accuracy", "min": 1.0}
    missed, _ = run()
    if missed.metrics["published"]:
        pytest.fail("this tiny model is not that good")
    assert "gate of" in missed.metrics["reason"] and Place(open_store(uri)).current() is None

    del task["gate"]
    done, ran = run()
    assert ran == ["publish"], "nothing is trained again for it"
    place = Place(open_store(uri))
    now = place.current()
    assert now is not None and now.version == done.metrics["version"]
    assert done.metrics["published"] and done.metrics["since"] == now.since
    folder = tmp_path / "place" / now.version
    assert (folder / "README.md").is_file() and (folder / "pack.json").is_file()
    model, tokenizer = lingraft.load(base, uri)
    assert model.config.vocab_size == len(tokenizer)
    whole_place = place.version(now.version)
    assert whole_place is not None and set(whole_place.bodies) == {"base", f"{task['name']}-0"}
    body, tokenizer = lingraft.load(whole_place.bodies[f"{task['name']}-0"], uri)
    assert body.config.vocab_size == len(tokenizer) and "Classification" in type(body).__name__
    assert json.loads((folder / "export.json").read_text())["as"] == "pack"

    whole, ran = run(**{"as": "model"})
    assert ran == ["publish"] and whole.metrics["loadTest"]["missing"] == []
    assert (tmp_path / "place" / whole.metrics["version"] / "model.safetensors").is_file()

    current = tmp_path / "place" / whole.metrics["version"] / "published.json"
    better = json.loads(current.read_text())
    better["scores"] = {name: 1.5 for name in better["scores"]}
    current.write_text(json.dumps(better))
    with pytest.raises(UserError, match="is worse than that of the current version"):
        run(noWorseThan="current", margin=0.1)
    assert place.roll_back(now.version).version == now.version
