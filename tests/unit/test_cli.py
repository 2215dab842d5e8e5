"""The command line: what it prints, where, and its exit codes. Nothing is trained here."""

import json
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lingraft import cli
from lingraft.errors import UserError
from lingraft.files import load_resource
from lingraft.planning import plan_resource
from lingraft.stage import Compute, Manifest, Progress, Result
from lingraft.store import open_store
from lingraft.store.stages import StageStore

RESOURCE = """\
apiVersion: lingraft.dev/v1alpha1
kind: LanguageAdaptation
metadata: {name: demo}
spec:
  language: sw
  method: Standard
  base: {uri: base/}
  corpus: {uri: sw.txt}
  embeddings: {steps: 600, batchTokens: 1024, sequenceLength: 64}
  tasks:
  - name: genre
    format: classification
    train: en.jsonl
    test: sw.jsonl
    maxLength: 64
    gate: {metric: accuracy, min: 0.5}
  store: {uri: store}
"""
CONFIG = {
    "model_type": "roberta",
    "architectures": ["RobertaForMaskedLM"],
    "num_hidden_layers": 6,
    "hidden_size": 64,
    "intermediate_size": 256,
    "vocab_size": 1000,
    "max_position_embeddings": 130,
    "pad_token_id": 1,
}


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


def call(capsys, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        cli.main(list(arguments))
    out, err = capsys.readouterr()
    return int(left.value.code or 0), out, err


@pytest.fixture
def trainer(monkeypatch) -> Iterator[types.ModuleType]:
    """Stands in for the trainer: every stage is done at once, with a score of 0.6."""
    module: Any = types.ModuleType("lingraft_trainer.local")

    def run_plan(plan, execution, listener, resource):
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
    monkeypatch.setitem(sys.modules, "lingraft_trainer.local", module)
    yield module


def test_validate_prints_every_mistake_to_stderr_and_exits_2(capsys, file):
    file.write_text(RESOURCE.replace("Standard", "Standart").replace("language: sw", "language: 1"))
    code, out, err = call(capsys, "validate", "-f", str(file))
    assert code == 2
    assert out == ""
    assert [line.split(":")[1] for line in err.splitlines()] == ["5", "6"]


def test_validate_opens_the_task_files_that_are_here(capsys, file):
    assert call(capsys, "validate", "-f", str(file))[0] == 0
    (file.parent / "en.jsonl").write_text('{"text": "a"}\n')
    (file.parent / "sw.jsonl").unlink()
    (file.parent / "base/config.json").unlink()
    code, out, err = call(capsys, "validate", "-f", str(file))
    assert (code, out) == (2, "")
    assert err.startswith(f"{file}:13: spec.tasks[0].train: {file.parent}/en.jsonl:1: the field")
    assert len(err.splitlines()) == 1, "what is not here is not asked for"


def test_plan_tells_of_wrong_task_files_beside_missing_inputs(capsys, file):
    (file.parent / "sw.txt").unlink()
    (file.parent / "sw.jsonl").write_text('{"text": "a", "label": "Law"}\n')
    for command in ("plan", "run"):
        code, _, err = call(capsys, command, "-f", str(file))
        assert code == 2
        assert "spec.corpus.uri: " in err
        assert f"spec.tasks[0].test: {file.parent}/sw.jsonl:1: unknown label 'Law'" in err
    assert not (file.parent / "store").exists()


def test_plan_shows_stages_cost_and_savings(capsys, file):
    code, out, _ = call(capsys, "plan", "-f", str(file))
    assert code == 0
    names = [line.split()[0] for line in out.splitlines()[1:5]]
    assert names == ["corpus", "embed", "finetune-genre-0", "graft"]
    assert "compute saved per step: 1.00x (computed, not a measured speed-up)" in out
    assert "this is Standard: nothing is spent beforehand, and nothing is saved" in out
    assert "assumed of one CPU core: nothing was trained in this store yet" in out


MINIPOST = RESOURCE.replace("Standard", "MiniPost").replace(
    "  corpus:", "  mini: {text: {uri: en.txt}}\n  corpus:"
)


def test_plan_says_that_a_saving_per_step_is_none_in_all(capsys, file):
    file.write_text(MINIPOST)
    (file.parent / "en.txt").write_text("some English text\n" * 200_000)
    _, out, _ = call(capsys, "plan", "-f", str(file))
    _, printed, _ = call(capsys, "plan", "-f", str(file), "--json")
    costs = json.loads(printed)["costs"]
    number = costs["languagesToPay"]
    assert number > 10
    assert costs["step2Standard"] < costs["once"] and costs["onceFor"] == "step 1b"
    assert f"the one-time costs pay after {number:,} languages with as much text" in out
    assert costs["sentence"] in out
    row = next(line.split() for line in out.splitlines() if line.startswith("this language"))
    assert row[-2:] == [f"{costs['total']:.2e}", f"{costs['step2Standard']:.2e}"]


def test_a_short_run_is_told_of_before_it_starts(capsys, file, trainer):
    file.write_text(RESOURCE.replace("steps: 600", "steps: 20"))
    _, out, err = call(capsys, "run", "-f", str(file))
    assert err.startswith("warning: spec.embeddings: 20 updates are few")
    _, out, _ = call(capsys, "plan", "-f", str(file))
    assert "warning: spec.embeddings: 20 updates are few" in out


def test_plan_says_what_changed_since_the_run_before(capsys, file, trainer):
    first = plan_resource(load_resource(file))
    store = open_store(first.store)
    for planned in first.stages[:2]:
        StageStore(store, planned.stage, "me").publish((), Result(), {})
    file.write_text(RESOURCE.replace("steps: 600", "steps: 700, init: mean"))
    changed = plan_resource(load_resource(file))["embed"].stage
    (file.parent / "part").mkdir()
    (file.parent / "part/weights").write_text("half")
    StageStore(store, changed, "me").save_checkpoint(123, file.parent / "part")
    _, out, _ = call(capsys, "plan", "-f", str(file))
    said = next(line for line in out.splitlines() if line.startswith("  embed:"))
    assert "spec.embeddings.steps is 700, 600 then" in said
    assert "spec.embeddings.init is mean, overlap then" in said
    assert said.endswith("a checkpoint waits: it goes on from update 123")
    _, out, _ = call(capsys, "plan", "-f", str(file), "--json")
    shown = json.loads(out)
    assert shown["cached"] == ["corpus"] and shown["checkpoints"] == {"embed": 123}
    assert len(shown["why"]["embed"]["changes"]) == 3, "the warm-up is a share of the steps"
    assert shown["why"]["graft"]["because"] == ["embed", "finetune-genre-0"]


def test_plan_as_json_has_the_digests(capsys, file):
    _, out, _ = call(capsys, "plan", "-f", str(file), "--json")
    planned = plan_resource(load_resource(file))
    shown = json.loads(out)
    assert [s["name"] for s in shown["stages"]] == [s.name for s in planned.stages]
    assert shown["cached"] == []


def test_all_missing_inputs_are_named_at_once(capsys, file):
    (file.parent / "sw.txt").unlink()
    (file.parent / "en.jsonl").unlink()
    code, _, err = call(capsys, "plan", "-f", str(file))
    assert code == 2
    assert "spec.corpus.uri" in err
    assert "spec.tasks[0].train" in err


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"model_type": "gpt2"}, "spec.base.uri"),
        ({"architectures": ["RobertaModel"]}, "spec.base.uri"),
    ],
)
def test_a_base_that_cannot_be_used_is_refused_before_anything_runs(capsys, file, change, field):
    (file.parent / "base/config.json").write_text(json.dumps(CONFIG | change))
    code, _, err = call(capsys, "run", "-f", str(file))
    assert code == 2
    assert field in err
    assert not (file.parent / "store").exists()


def test_a_checkpoint_that_is_not_there(capsys, file):
    (file.parent / "base/config.json").rename(file.parent / "base/other.json")
    code, _, err = call(capsys, "plan", "-f", str(file))
    assert (code, "no config.json" in err) == (2, True)


def test_run_prints_scores_and_a_passed_gate(capsys, file, trainer):
    arguments = ("--threads", "1", "--precision", "fp32")
    code, out, _ = call(capsys, "run", "-f", str(file), *arguments)
    assert code == 0
    assert "0.600 ± 0.020" in out
    assert "gate genre: accuracy 0.600, at least 0.500: passed" in out
    assert (trainer.execution.threads, trainer.execution.precision) == (1, "fp32")


def test_a_failed_gate_exits_3(capsys, file, trainer):
    trainer.score = 0.4
    code, out, _ = call(capsys, "run", "-f", str(file))
    assert code == 3
    assert "FAILED" in out


def test_json_output_is_one_event_a_line_and_nothing_else(capsys, file, trainer):
    _, out, _ = call(capsys, "run", "-f", str(file), "--json")
    events = [json.loads(line) for line in out.splitlines()]
    assert {e["event"] for e in events} == {"started", "progress", "finished", "result"}
    assert events[-1]["gatesPassed"] is True
    assert events[-1]["costs"]["method"] == "Standard"
    assert events[-1]["warnings"] == []


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (UserError("is empty", where="corpus"), 2, "error: corpus: is empty\n"),
        (KeyboardInterrupt(), 130, "stopped; run the same command to resume\n"),
    ],
)
def test_errors_are_one_sentence(capsys, file, trainer, error, code, sentence):
    def fail(*_):
        raise error

    trainer.run_plan = fail
    found, _, err = call(capsys, "run", "-f", str(file))
    assert (found, err) == (code, sentence)


def test_an_unexpected_error_says_where_its_details_are(capsys, file, trainer):
    def fail(*_):
        raise RuntimeError("boom")

    trainer.run_plan = fail
    code, _, err = call(capsys, "run", "-f", str(file))
    assert code == 1
    assert err.startswith("error: RuntimeError: boom (details: ")
    log = Path(err.split("details: ")[1].rstrip(")\n"))
    assert "Traceback" in log.read_text()
    log.unlink()


def test_report_works_before_anything_has_run(capsys, file, tmp_path):
    page = tmp_path / "page.html"
    code, _, _ = call(capsys, "report", "-f", str(file), "-o", str(page))
    assert code == 0
    assert "0 stages are done" in page.read_text()


def test_a_gate_fails_a_degenerate_model_whatever_its_score(capsys, file, trainer):
    trainer.degenerate = ["it answers law for every example"]
    code, out, _ = call(capsys, "run", "-f", str(file))
    assert code == 3
    assert "at least 0.500: FAILED, it answers law for every example" in out


def test_explain_prints_a_field_and_what_is_below_it(capsys):
    code, out, _ = call(capsys, "explain", "spec.mini")
    assert code == 0
    assert "FIELD: mini <Object>" in out
    assert "Default: a third of the base's." in " ".join(out.split())


def test_explain_names_the_field_that_was_meant(capsys):
    code, _, err = call(capsys, "explain", "spec.minni")
    assert (code, err) == (
        2,
        "error: spec.minni: there is no such field; did you mean spec.mini?\n",
    )
