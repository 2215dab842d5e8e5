"""Presets: data for the same resource models that a user's file goes through."""

import pytest

from bench.replication.prepare import write_part
from bench.replication.preset import PRESETS, ROOT, Run, load_preset, merged
from bench.replication.rates import chosen_rates, decided, searched
from bench.replication.runs import assumed, planned
from lingraft.files import load_resource
from lingraft.params import EmbedParams
from lingraft.resource import LanguageAdaptation

NAMES = sorted(file.stem for file in PRESETS.glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_every_preset_makes_valid_resources(name: str) -> None:
    preset = load_preset(name)
    for language in preset.languages:
        for arm in preset.arms:
            spec = preset.run(arm, language, 1, 1e-3).resource.spec
            assert (spec.language, spec.seed, spec.embeddings.learning_rate) == (language, 1, 1e-3)
            assert all("{" not in task.test for task in spec.tasks)


@pytest.mark.parametrize("name", NAMES)
def test_arms_differ_in_what_they_are_about_alone(name: str) -> None:
    preset = load_preset(name)
    runs = [preset.run(arm, preset.languages[0], 0, 1e-3) for arm in preset.arms]
    specs = [run.resource.spec for run in runs]
    for run, spec in zip(runs, specs, strict=True):
        scheduled = run.arm.endswith(("-equal", "-short"))
        own = {"init": ""} | ({"steps": 0, "warmup_steps": 0} if scheduled else {})
        assert spec.embeddings.model_copy(update=own) == specs[0].embeddings.model_copy(update=own)
        assert spec.corpus == specs[0].corpus or run.arm.endswith("th")
        assert spec.tasks == specs[0].tasks and spec.tokenizer == specs[0].tokenizer
        mine, theirs = spec.base.pretrain, specs[0].base.pretrain
        assert mine is not None and theirs is not None
        changed = {"joint_layers": None, "architecture": None}
        assert mine.model_copy(update=changed) == theirs.model_copy(update=changed)


def test_a_language_may_need_a_smaller_vocabulary_in_every_arm() -> None:
    preset = load_preset("cpu-small")
    for arm in preset.arms:
        for language, size in (("vi", 3584), ("fr", 4096)):
            train = preset.run(arm, language, 0, 1e-2).resource.spec.tokenizer.train
            assert train is not None and train.vocab_size == size


def test_the_recipe_is_the_demos() -> None:
    """What the demo's file leaves to `Auto` is what was measured."""
    demo = load_resource(ROOT / "examples" / "bible" / "french.yaml")
    run = load_preset("cpu-recipe-genre").run("own-short", "fr", 0, 1e-2)
    mine, theirs = (
        planned(load_preset("cpu-recipe-genre"), one, assumed(one))
        for one in (run, Run("demo", "fr", 0, 1e-2, with_snapshots(demo)))
    )
    for stage in ("corpus", "pretrain", "mini", "finetune-genre-0"):
        assert mine[stage].stage == theirs[stage].stage
    first, second = (
        EmbedParams.model_validate(one["embed"].stage.params) for one in (mine, theirs)
    )
    scheduled = {"steps": 0}
    assert first.init == second.init == "focus"
    assert first.training.model_copy(update=scheduled) == second.training.model_copy(
        update=scheduled
    )


def with_snapshots(demo: LanguageAdaptation) -> LanguageAdaptation:
    embeddings = demo.spec.embeddings.model_copy(update={"snapshots": 7})
    return demo.model_copy(update={"spec": demo.spec.model_copy(update={"embeddings": embeddings})})


def test_minijoint_stands_on_the_recipes_base() -> None:
    mine = load_preset("cpu-small").run("minijoint", "fr", 0, 1e-2).resource.spec
    theirs = load_preset("cpu-recipe").run("own-short", "fr", 0, 1e-2).resource.spec
    assert mine.base == theirs.base and mine.corpus == theirs.corpus


def test_every_arm_has_the_same_grid_and_the_loss_chooses() -> None:
    preset = load_preset("cpu-equal")
    runs = searched(preset, preset.arms)
    arms = {run.arm for run in runs}
    assert arms == load_preset("cpu-small").arms.keys()
    assert len(runs) == len(arms) * len(preset.learning_rates)
    assert {(run.language, run.seed) for run in runs} == {("de", 0)}

    low, high = preset.learning_rates[0], preset.learning_rates[-1]
    judged = {
        (run.arm, run.learning_rate): 1.0
        if run.learning_rate == (high if run.arm == "minijoint" else low)
        else 2.0
        for run in runs
    }
    rates = chosen_rates(preset, preset.arms, judged)
    assert rates == {arm: high if arm.startswith("minijoint") else low for arm in preset.arms}
    assert decided(preset, preset.arms, judged) == list(preset.arms)
    del judged["minipost", high]
    assert decided(preset, ["minijoint", "minipost", "minipost-equal"], judged) == ["minijoint"]
    assert {run.arm for run in searched(preset, ["minijoint-equal"])} == {"minijoint"}


@pytest.mark.parametrize(
    "arm, like",
    [
        ("minijoint-equal", "standard"),
        ("minipost-equal", "standard"),
        ("standard-short", "minijoint"),
        ("standard-joint-short", "minijoint"),
    ],
)
def test_arms_of_equal_compute_have_it(arm: str, like: str) -> None:
    preset = load_preset("cpu-equal")
    equal, asked = (
        planned(preset, run, assumed(run))["embed"].flops
        for run in (preset.run(name, "fr", 0, 1e-2) for name in (arm, like))
    )
    assert equal == pytest.approx(asked, rel=4e-3)


@pytest.mark.parametrize("name", ["cpu-equal", "cpu-depth", "cpu-init", "cpu-text"])
def test_an_ablation_takes_the_rates_that_were_searched(name: str) -> None:
    preset, small = load_preset(name), load_preset("cpu-small")
    runs = searched(preset, preset.arms)
    assert [(run.arm, run.language) for run in runs] == [
        (run.arm, run.language) for run in searched(small, small.arms)
    ]
    own = set(preset.arms) - set(small.arms)
    assert all(preset.rates_like[arm] == arm.rpartition("-")[0] for arm in own if "short" in arm)
    assert own == preset.rates_like.keys()


def test_an_arm_is_compared_with_what_it_differs_from_in_its_method_alone() -> None:
    preset = load_preset("cpu-init")
    assert preset.references_of("minijoint-focus") == ["standard-focus", "standard-joint-focus"]
    assert preset.references_of("minipost-focus") == ["standard-focus"]
    assert preset.references_of("standard-focus") == ["standard"]
    assert preset.references_of("standard") == []


def test_a_part_of_a_file_is_whole_pieces(tmp_path) -> None:
    whole, part = tmp_path / "fr.txt", tmp_path / "fr-4th.txt"
    whole.write_text("".join(f"{i} a\n{i} b\n\n" for i in range(8)))
    write_part(whole, part, 4)
    assert part.read_text() == "0 a\n0 b\n\n4 a\n4 b\n"
    before = part.stat()
    write_part(whole, part, 4)
    assert part.stat().st_ino == before.st_ino, "what is right is left alone"
    lines = tmp_path / "train.jsonl"
    lines.write_text("0\n1\n2\n")
    write_part(lines, tmp_path / "train-2th.jsonl", 2)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "fr-4th.txt",
        "fr.txt",
        "train-2th.jsonl",
        "train.jsonl",
    ]
    assert (tmp_path / "train-2th.jsonl").read_text() == "0\n2\n"


def test_a_mapping_is_laid_over_another_field_by_field() -> None:
    below = {"a": {"b": 1, "c": [1]}, "d": 2}
    assert merged(below, {"a": {"c": [2]}, "d": None}) == {"a": {"b": 1, "c": [2]}, "d": None}
    assert below["a"] == {"b": 1, "c": [1]}
