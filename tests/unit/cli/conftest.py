"""A file beside its inputs, and who stands in for the trainer."""

import json
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lingraft.stage import Compute, Manifest, Progress
from tests.support.cli import CONFIG, RESOURCE


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "base").mkdir()
    (tmp_path / "base/config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "base/model.safetensors").write_text("weights")
    (tmp_path / "base/tokenizer.json").write_text("{}")
    (tmp_path / "sw.txt").write_text("habari\n")
    for name in ("en.jsonl", "sw.jsonl"):
        rows = [{"text": f"text of {name}", "label": label} for label in ("law", "poetry")]
        (tmp_path / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "sw.yaml").write_text(RESOURCE)
    return tmp_path / "sw.yaml"


@pytest.fixture
def trainer(monkeypatch) -> Iterator[types.ModuleType]:
    """Stands in for the trainer: every stage is done at once, with a score of 0.6."""
    module: Any = types.ModuleType("lingraft_trainer.running.local")

    def run_plan(plan, execution, listener, resource, budget):
        module.execution = execution
        done = {}
        for planned in plan.stages:
            listener.started(planned.name)
            listener.progress(planned.name, Progress(step=1, steps=2, phase="training", loss=2.0))
            score = {"accuracy": {"mean": module.score, "stderr": 0.02, "perSeed": [module.score]}}
            done[planned.name] = Manifest(
                stage=planned.stage,
                holder="me",
                files=(),
                metrics={
                    "evaluation": [
                        {"task": "genre", "metrics": score, "degenerate": module.degenerate}
                    ]
                },
                compute=Compute(seconds=1.0),
                environment={},
                created_at="2026-01-01T00:00:00Z",
            )
            listener.finished(planned.name, done[planned.name])
        return done

    module.run_plan, module.score, module.degenerate = run_plan, 0.6, []
    monkeypatch.setitem(sys.modules, "lingraft_trainer.running.local", module)
    yield module
