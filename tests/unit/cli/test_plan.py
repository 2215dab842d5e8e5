"""What `lingraft plan` prints, and refuses."""

import json

import pytest

from lingraft.files import load_resource
from lingraft.planning import plan_resource
from lingraft.stage import Result
from lingraft.store import open_store
from lingraft.store.stages import StageStore
from tests.support.cli import CONFIG, RESOURCE, call

MINIPOST = RESOURCE.replace("Standard", "MiniPost").replace(
    "  corpus:", "  mini: {text: {uri: en.txt}}\n  corpus:"
)


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


def test_plan_shows_the_budget_beside_what_is_left_to_compute(capsys, file):
    budget = "  budget: {flops: 1e9, deviceHours: 2, cost: {amount: 5, currency: EUR}}\n"
    file.write_text(RESOURCE + budget)
    _, out, _ = call(capsys, "plan", "-f", str(file))
    assert "budget: 1.00e+09 FLOPs, " in out
    assert "are still to compute: too little, `lingraft run` refuses" in out
    assert "budget: 2 device-hours on a cluster, about " in out
    assert "budget: 5 EUR on a cluster" in out
    _, out, _ = call(capsys, "plan", "-f", str(file), "--json")
    assert json.loads(out)["budget"]["flops"] == 1e9


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


def test_plan_says_what_is_known_of_the_text_or_who_would_tell(capsys, file):
    assert "lingraft advise -f FILE" in call(capsys, "plan", "-f", str(file))[1]
    cut = {"piecesPerWord": 1.25, "unknownRate": 0.0, "sharedWithBase": 0.5}
    made = {"paragraphs": 90, "duplicates": 10, "tokenizer": cut}
    plan = plan_resource(load_resource(file))
    StageStore(open_store(plan.store), plan["corpus"].stage, "a").publish(
        (), Result(metrics=made), {}
    )
    out = call(capsys, "plan", "-f", str(file))[1]
    assert "text: 90 paragraphs, 10% duplicates; 1.25 tokens per word, 0.00% unknown; 50% of" in out
