"""Planning looks up what is not pinned yet, and nothing else."""

import json
from pathlib import Path

import pytest

from lingraft import planning
from lingraft.errors import UserError
from lingraft.plan import Plan
from lingraft.planning import _base_shape, plan_resource  # pyright: ignore[reportPrivateUsage]
from lingraft.resource import LanguageAdaptation
from lingraft.selection import Reading
from lingraft.stage import Source
from tests.support.encoder_files import files

CONFIG = {
    "model_type": "roberta",
    "architectures": ["RobertaForMaskedLM"],
    "num_hidden_layers": 3,
    "hidden_size": 32,
    "intermediate_size": 64,
    "vocab_size": 100,
    "max_position_embeddings": 130,
}


@pytest.fixture
def world(tmp_path: Path) -> Path:
    (tmp_path / "base").mkdir()
    (tmp_path / "base/config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "base/model.safetensors").write_text("weights")
    (tmp_path / "base/tokenizer.json").write_text("{}")
    (tmp_path / "sw.txt").write_text("habari yako\n" * 5000)
    (tmp_path / "fr.txt").write_text("bonjour à tous\n" * 5000)
    return tmp_path


def resource(world: Path, corpus: str = "sw.txt") -> LanguageAdaptation:
    return LanguageAdaptation.model_validate(
        {
            "apiVersion": "lingraft.dev/v1alpha1",
            "kind": "LanguageAdaptation",
            "metadata": {"name": "sw"},
            "spec": {
                "language": "sw",
                "base": {"uri": (world / "base").as_uri()},
                "method": "Standard",
                "corpus": {"uri": (world / corpus).as_uri()},
                "store": {"uri": (world / "store").as_uri()},
            },
        }
    )


def pins_of(plan: Plan) -> dict[Reading, Source]:
    return {Reading(one.uri, one.reads): one for one in plan.sources if one.reads}


def test_what_is_pinned_is_not_looked_up(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = plan_resource(resource(world))
    pins = pins_of(first)
    assert len(pins) == 3
    for look in ("fingerprint", "open_store"):
        monkeypatch.setattr(planning, look, lambda *it: pytest.fail(f"looked at {it}"))
    assert plan_resource(resource(world), pins, first.shape) == first


def test_a_new_generation_looks_at_what_it_changed_alone(world: Path) -> None:
    first = plan_resource(resource(world))
    pins = pins_of(first)
    (world / "base/config.json").write_text("overwritten since")
    second = plan_resource(resource(world, "fr.txt"), pins, first.shape)
    assert second["corpus"].stage.inputs["base"] == first["corpus"].stage.inputs["base"]
    assert second["corpus"].stage.inputs["text"] != first["corpus"].stage.inputs["text"]
    assert [Path(source.uri).name for source in second.sources] == ["fr.txt", "base", "base"]


def test_a_shape_is_of_the_base_that_is_pinned_and_of_no_other(world: Path) -> None:
    first = plan_resource(resource(world))
    deeper = CONFIG | {"num_hidden_layers": 6}
    (world / "base/config.json").write_text(json.dumps(deeper))
    assert plan_resource(resource(world), {}, first.shape).shape.layers == 6


def test_a_pin_hides_no_missing_input(world: Path) -> None:
    first = plan_resource(resource(world))
    pins = pins_of(first)
    with pytest.raises(UserError, match=r"spec\.corpus\.uri"):
        plan_resource(resource(world, "gone.txt"), pins, first.shape)


def with_task(world: Path, **task: str) -> LanguageAdaptation:
    fields = {name: (world / path).as_uri() for name, path in task.items()}
    made = resource(world).model_dump(by_alias=True)
    made["spec"]["tasks"] = [{"name": "t", "format": "classification", **fields}]
    return LanguageAdaptation.model_validate(made)


def rows(world: Path, name: str, *labels: str) -> None:
    made = (json.dumps({"text": "a", "label": label}) + "\n" for label in labels)
    (world / name).write_text("".join(made))


def test_a_wrong_task_file_is_refused_by_its_field(world: Path) -> None:
    rows(world, "en.jsonl", "a", "b")
    rows(world, "sw.jsonl", "a", "c")
    with pytest.raises(UserError) as caught:
        plan_resource(with_task(world, train="en.jsonl", test="sw.jsonl"))
    assert caught.value.where == "spec.tasks[0].test"
    assert caught.value.message.startswith(f"{world}/sw.jsonl:2: unknown label 'c'")
    rows(world, "sw.jsonl", "a", "b")
    plan_resource(with_task(world, train="en.jsonl", test="sw.jsonl"))


def test_a_task_file_that_is_pinned_is_not_judged_again(world: Path) -> None:
    rows(world, "en.jsonl", "a", "b")
    rows(world, "sw.jsonl", "a", "b")
    first = plan_resource(with_task(world, train="en.jsonl", test="sw.jsonl"))
    pins = pins_of(first)
    (world / "sw.jsonl").write_text("overwritten since")
    again = with_task(world, train="en.jsonl", test="sw.jsonl")
    assert plan_resource(again, pins, first.shape) == first
    rows(world, "other.jsonl", "a", "c")
    with pytest.raises(UserError, match="unknown label 'c'"):
        plan_resource(with_task(world, train="en.jsonl", test="other.jsonl"), pins, first.shape)


def test_one_look_at_a_task_serves_every_language_that_has_it(
    world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows(world, "en.jsonl", "a", "b")
    first = plan_resource(with_task(world, train="en.jsonl", test="en.jsonl"))
    monkeypatch.setattr(planning, "first_rows", lambda uri, wanted: pytest.fail(f"read {uri}"))
    assert plan_resource(with_task(world, train="en.jsonl", test="en.jsonl")) == first


def test_equal_content_at_two_places_is_two_sources(world: Path) -> None:
    (world / "copy.txt").write_text((world / "sw.txt").read_text())
    changed = resource(world).model_dump(by_alias=True)
    changed["spec"]["tokenizer"] = {"uri": (world / "copy.txt").as_uri()}
    planned = plan_resource(LanguageAdaptation.model_validate(changed))
    assert len(planned.sources) == 4
    assert len({source.fingerprint for source in planned.sources}) == 3
    spec = planned.spec(planned["corpus"], "me")
    assert len(spec.sources) == 2


def test_a_sentence_encoder_that_cannot_be_kept_is_refused_before_anything_is_spent(
    world: Path,
) -> None:
    before = plan_resource(resource(world))
    for name, content in files(("Transformer", ""), ("Pooling", "1_Pooling")).items():
        (world / "base" / name).parent.mkdir(exist_ok=True)
        (world / "base" / name).write_bytes(content)
    after = plan_resource(resource(world))
    assert after["corpus"].stage == before["corpus"].stage, "its tokenizer is the same"
    assert after["graft"].stage.digest != before["graft"].stage.digest
    found = files(("Transformer", ""), ("WordWeights", "1_WordWeights"))
    (world / "base/modules.json").write_bytes(found["modules.json"])
    with pytest.raises(UserError, match="WordWeights, which may depend on the vocabulary") as error:
        plan_resource(resource(world))
    assert error.value.where == "spec.base.uri"


def test_a_sentence_encoder_that_is_causal_is_refused(tmp_path: Path) -> None:
    """Qwen3-Embedding names itself a language model: it would be adapted as one, and scored so."""
    sizes = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4)
    config = sizes | {"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"]}
    config |= {"vocab_size": 64, "max_position_embeddings": 64, "tie_word_embeddings": True}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert _base_shape(f"{tmp_path.as_uri()}/", "alone").causal
    for name, content in files(("Transformer", ""), ("Pooling", "1_Pooling")).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match="a sentence encoder of a causal model") as error:
        _base_shape(f"{tmp_path.as_uri()}/", "an encoder")
    assert error.value.where == "spec.base.uri"
