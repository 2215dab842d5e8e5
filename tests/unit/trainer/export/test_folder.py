"""A folder that is handed on has its card, and was loaded by a process that knows nothing of us."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from lingraft.errors import LingraftError, UserError
from lingraft_trainer.export import load_test, loads
from lingraft_trainer.export.folder import write_folder
from lingraft_trainer.packs.read import read_record
from lingraft_trainer.stages.finetune import load_task_model
from lingraft_trainer.tasks.kinds import kind_of
from tests.support.facts import facts
from tests.support.packs import write_language
from tests.support.tiny import TARGET_WORDS, tiny_base


def of(pack: Path) -> Any:
    return facts(pack=read_record(pack))


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load in this process: a clean one takes five seconds to import transformers."""

    def look(folder: Path, auto: str, tag: str) -> dict[str, Any]:
        found = loads.look(str(folder), auto, tag)
        load_test.judge(found, folder)
        return found

    monkeypatch.setattr("lingraft_trainer.export.folder.load_test", look)


def test_a_causal_model_loads(here: None, tmp_path: Path) -> None:
    loads_as("llama", "LlamaForCausalLM", tmp_path)


def test_a_whole_model_loads_elsewhere(tmp_path: Path) -> None:
    loads_as("roberta", "RobertaForMaskedLM", tmp_path)


def test_code_that_is_not_run_is_not_handed_on(here: None, tmp_path: Path) -> None:
    """EuroBERT's config names files beside it, which nobody would find beside a graft."""
    base = tiny_base("eurobert", tmp_path / "base")
    config = json.loads((base / "config.json").read_text())
    names = {"AutoModelForMaskedLM": "modeling_eurobert.EuroBertForMaskedLM"}
    (base / "config.json").write_text(json.dumps(config | {"auto_map": names}))
    pack = write_language(base, tmp_path / "pack", "fr", TARGET_WORDS)
    write_folder("model", base, pack, of(pack), tmp_path / "out")
    assert "auto_map" not in json.loads((tmp_path / "out/config.json").read_text())


def loads_as(model_type: str, auto: str, tmp_path: Path) -> None:
    base = tiny_base(model_type, tmp_path / "base")
    pack = write_language(base, tmp_path / "pack", "fr", TARGET_WORDS)
    record = write_folder("model", base, pack, of(pack), tmp_path / "out")
    tested = record["loadTest"]
    assert (tested["class"], tested["finite"], tested["missing"]) == (auto, True, [])
    assert tested["pipeline"] == "list"
    assert json.loads((tmp_path / "out/export.json").read_text()) == record
    assert (tmp_path / "out/README.md").read_text().startswith("---\nlanguage:")
    assert (tmp_path / "out/.eval_results/lingraft.yaml").is_file()
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    files = [one for one in (tmp_path / "out").rglob("*") if one.is_file()]
    assert len(files) > 5 and {one.stat().st_mode for one in files} == {ordinary.stat().st_mode}


def test_a_task_model_and_a_pack(here: None, tmp_path: Path) -> None:
    base = tiny_base("bert", tmp_path / "base")
    pack = write_language(base, tmp_path / "pack", "fr", TARGET_WORDS)
    kind = kind_of("classification")
    load_task_model(base, kind, ("a", "b"), 0.1).save_pretrained(tmp_path / "task")
    task, out = tmp_path / "task", tmp_path / "out"
    tested = write_folder("model", task, pack, of(pack), out, task="topic")["loadTest"]
    assert tested["class"] == "BertForSequenceClassification" and tested["pipeline"] == "list"
    tested = write_folder("pack", base, pack, of(pack), tmp_path / "packed")["loadTest"]
    assert tested["class"] == "BertForMaskedLM"
    assert not (tmp_path / "packed/model.safetensors").exists()


def test_a_model_that_gives_no_numbers_is_not_handed_on(tmp_path: Path) -> None:
    base = tiny_base("roberta", tmp_path / "base")
    file = base / "model.safetensors"
    tensors = load_file(file)
    name = next(n for n in tensors if "layer.1.output.dense.weight" in n)
    tensors[name] = torch.full_like(tensors[name], float("nan"))
    save_file(tensors, file, metadata={"format": "pt"})
    found = loads.look(str(base), "AutoModelForMaskedLM", "feature-extraction")
    with pytest.raises(LingraftError, match="no numbers"):
        load_test.judge(found, base)
    del tensors[name]
    save_file(tensors, file, metadata={"format": "pt"})
    found = loads.look(str(base), "AutoModelForMaskedLM", "feature-extraction")
    with pytest.raises(LingraftError, match=f"lacks {name}"):
        load_test.judge(found, base)
    file.write_bytes(b"0")
    with pytest.raises(LingraftError, match="does not load"):
        load_test.load_test(base, "AutoModelForMaskedLM", "fill-mask")


def test_a_pack_of_another_base_is_not_handed_on(tmp_path: Path) -> None:
    base = tiny_base("roberta", tmp_path / "base")
    pack = write_language(base, tmp_path / "pack", "fr", TARGET_WORDS)
    other = tiny_base("roberta", tmp_path / "other", layers=3)
    with pytest.raises(UserError, match="another roberta"):
        write_folder("pack", other, pack, of(pack), tmp_path / "out")
