"""A pack, or a whole model, as a folder that the Hub and strangers understand."""

import json
import shutil
from pathlib import Path
from typing import Any, Literal

import yaml
from transformers import AutoConfig

from lingraft.encoder_names import MODULES
from lingraft.families import family_of
from lingraft.pack.card import Kind, card, pipeline_tag
from lingraft.pack.evaluations import eval_results
from lingraft.pack.facts import Facts
from lingraft_trainer.export.load_test import load_test
from lingraft_trainer.packs.load import load, write_full
from lingraft_trainer.packs.read import TASKS

EXPORT = "export.json"
"""What was exported, and what came of the load test."""
RESULTS = ".eval_results/lingraft.yaml"


def write_folder(
    kind: Kind, base: Path, pack: Path, facts: Facts, out: Path, *, task: str | None = None
) -> dict[str, Any]:
    """Write a folder with its card, its scores and the result of the load test.

    Args:
        kind: Of what.
        base: The base, or for a task its fine-tuned model.
        pack: The language pack.
        facts: What the card says.
        out: The new folder, which is empty or not there.
        task: Name of the task that `base` is fine-tuned for.

    Returns:
        What stands in `export.json`.

    Raises:
        UserError: The pack does not fit the base.
        LingraftError: The folder does not load.
    """
    out.mkdir(parents=True, exist_ok=True)
    if kind == "pack":
        shutil.copytree(pack, out, dirs_exist_ok=True)
    else:
        write_full(base, pack, out)
    encoder = (base / MODULES).is_file() and task is None
    text = card(facts, kind, task=task, encoder=encoder)
    (out / "README.md").write_text(text, encoding="utf-8")
    if results := eval_results(facts):
        (out / RESULTS).parent.mkdir(exist_ok=True)
        (out / RESULTS).write_text(yaml.safe_dump(results, sort_keys=False), encoding="utf-8")
    tested: dict[str, Any] = {}
    if kind == "pack":
        model, tokenizer = load(base, out)
        tested = {"class": type(model).__name__, "tokenizer": type(tokenizer).__name__}
    else:
        tag = pipeline_tag(facts, task=task, encoder=encoder)
        tested = load_test(out, _auto_class(out), tag)
    record = {
        "as": kind,
        "language": facts.pack.language,
        "task": task,
        "graft": facts.graft,
        "base": facts.pack.base.to_json(),
        "loadTest": tested,
    }
    (out / EXPORT).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    _for_others(out)
    return record


def _for_others(folder: Path) -> None:
    """Give every file the rights of an ordinary one: safetensors writes for its owner alone."""
    mode = (folder / EXPORT).stat().st_mode
    for file in folder.rglob("*"):
        if file.is_file():
            file.chmod(mode)


def _auto_class(folder: Path) -> str:
    """Transformers' auto class of a whole model."""
    config: Any = AutoConfig.from_pretrained(folder)
    name: str = (config.architectures or [""])[0]
    if name.endswith(TASKS):
        return f"AutoModel{name[name.rindex('For') :]}"
    if "For" not in name:
        return "AutoModel"
    objective: Literal["masked", "causal"] = family_of(config.model_type).objective
    return "AutoModelForCausalLM" if objective == "causal" else "AutoModelForMaskedLM"
