"""Every tensor of a checkpoint is accounted for: used as it is, or refused by its name."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoModelForCausalLM

from lingraft.errors import UserError
from lingraft.families import family_of
from lingraft_trainer.models.checkpoint import load_body, load_lm
from lingraft_trainer.models.family import embedded, embeddings, is_tied, output
from lingraft_trainer.stages.finetune import load_task_model
from lingraft_trainer.tasks.kinds import kind_of
from tests.support.tiny import MATRIX, MODEL_TYPES, tiny_base, tiny_config, tiny_model

Tensors = dict[str, Tensor]


def edit(base: Path, change: Callable[[Tensors], object]) -> None:
    tensors = load_file(base / "model.safetensors")
    change(tensors)
    save_file(tensors, base / "model.safetensors", metadata={"format": "pt"})


def configure(base: Path, **settings: object) -> None:
    file = base / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | settings))


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tiny_base("bert", tmp_path / "base")


READERS: list[Callable[[Path], object]] = [
    load_lm,
    load_body,
    lambda path: load_task_model(path, kind_of("classification"), ("a", "b"), 0.0),
    lambda path: load_task_model(path, kind_of("qa"), (), 0.0),
]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")], ids=str)
@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("part", ["word_embeddings.weight", "2.output.dense.bias"])
def test_one_value_that_is_no_number_is_refused_by_its_tensor(
    part: str, read: Callable[[Path], object], bad: float, base: Path
):
    def spoil(tensors: Tensors) -> None:
        tensors[next(n for n in tensors if n.endswith(part))].view(-1)[7] = bad

    edit(base, spoil)
    with pytest.raises(UserError, match=rf"spec\.base\.uri: .*{part}.* no numbers"):
        read(base)


@pytest.mark.parametrize(
    "name",
    [
        "bert.encoder.layer.0.attention.self.distance_embedding.weight",
        "bert.encoder.layer.4.output.dense.weight",
    ],
)
@pytest.mark.parametrize("read", READERS)
def test_a_tensor_without_a_place_is_refused_by_its_name(
    name: str, read: Callable[[Path], object], base: Path
):
    edit(base, lambda tensors: tensors.update({name: torch.ones(2, 2)}))
    with pytest.raises(UserError, match="knows no place for") as caught:
        read(base)
    assert name in str(caught.value) or name.removeprefix("bert.") in str(caught.value)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["bert.encoder.layer.0.attention.self.query.lora_A.default.weight"], "holds adapters"),
        (["bert.encoder.layer.1.adapter.weight"], "holds adapters"),
        (["classifier.base_layer.weight"], "holds adapters"),
        (["cls.predictions.transform.dense.lora_B.weight"], "holds adapters"),
        (["bert.encoder.layer.0.output.dense.weight_scale_inv"], "is quantised"),
        (["cls.predictions.decoder.scales"], "is quantised"),
        (["bert.encoder.layer.0.output.dense.weight.absmax"], "is quantised"),
    ],
)
@pytest.mark.parametrize("read", READERS)
def test_weights_that_others_must_be_joined_with_are_refused(
    read: Callable[[Path], object], names: list[str], said: str, base: Path
):
    edit(base, lambda tensors: tensors.update({name: torch.ones(2, 2) for name in names}))
    with pytest.raises(UserError, match=rf"the checkpoint {said}.* \(.*\): give one of plain"):
        read(base)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda head: {"bias": torch.ones(40)} | head, r"no place for, lm_head\.bias among them"),
        (lambda head: {"0.weight": torch.ones(2)} | head, "no place for"),
        (
            lambda head: {
                "base_layer.weight": torch.ones(40, 16),
                "lora_A.x.weight": torch.ones(4),
            },
            r"holds adapters beside its weights \(lm_head\.base_layer\.weight\)",
        ),
        (lambda head: {"qweight": torch.ones(4), "scales": torch.ones(4)}, "is quantised"),
        (lambda head: head | {"weight_scale_inv": torch.ones(4)}, "is quantised"),
        (lambda head: head | {"modules_to_save.default.weight": torch.ones(4)}, "holds adapters"),
    ],
    ids=["a bias", "a layer", "LoRA", "GPTQ", "scales", "PEFT"],
)
def test_nothing_of_a_causal_models_head_is_dropped(
    change: Callable[[Tensors], Tensors], said: str, tied: bool, tmp_path: Path
):
    base = tmp_path
    tiny_model("llama", tied=tied).save_pretrained(base)

    def replace(tensors: Tensors) -> None:
        weight = {} if tied else {"weight": tensors.pop("lm_head.weight")}
        tensors.update({f"lm_head.{name}": one for name, one in change(weight).items()})

    edit(base, replace)
    with pytest.raises(UserError, match=said):
        load_lm(base)


def test_other_tasks_heads_may_be_there(base: Path):
    others = ["bert.pooler.dense.weight", "cls.seq_relationship.bias", "classifier.weight"]
    edit(base, lambda tensors: tensors.update({name: torch.ones(2) for name in others}))
    assert load_lm(base).has_head


@pytest.mark.parametrize("read", READERS)
def test_a_lost_part_of_the_body_is_never_drawn_anew(read: Callable[[Path], object], base: Path):
    edit(base, lambda t: t.pop("bert.encoder.layer.2.output.dense.weight"))
    with pytest.raises(UserError, match="lacks 1 tensors of its own body"):
        read(base)


@pytest.mark.parametrize("lost", ["transform.dense.weight", "bias"])
def test_a_lost_part_of_the_head_is_never_drawn_anew(lost: str, base: Path):
    edit(base, lambda t: t.pop(f"cls.predictions.{lost}"))
    with pytest.raises(UserError, match="a part of its head"):
        load_lm(base)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"is_decoder": True}, "reads to the left"),
        ({"add_cross_attention": True}, "another model's states"),
        ({"position_embedding_type": "relative_key_query"}, "no longer has such positions"),
        ({"quantization_config": {"bits": 4}}, "quantised"),
        ({"hidden_act": "no such thing"}, "cannot be read"),
        ({"num_attention_heads": 3}, "cannot be read"),
        ({"vocab_size": 7}, "cannot be read"),
    ],
)
@pytest.mark.parametrize("read", READERS)
def test_settings_that_cannot_be_followed_are_refused(
    read: Callable[[Path], object], settings: dict[str, object], sentence: str, base: Path
):
    configure(base, **settings)
    with pytest.raises(UserError, match=sentence) as caught:
        read(base)
    assert caught.value.where == "spec.base.uri" and "\n" not in str(caught.value)


def test_quantised_weights_are_refused(base: Path):
    def quantise(tensors: Tensors) -> None:
        for name in tensors:
            tensors[name] = tensors[name].to(torch.float8_e4m3fn)

    edit(base, quantise)
    with pytest.raises(UserError, match="F8_E4M3, which is quantised"):
        load_lm(base)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_a_checkpoint_is_read_in_fp32_and_its_own_type_is_known(dtype: torch.dtype, base: Path):
    def convert(tensors: Tensors) -> None:
        for name in tensors:
            tensors[name] = tensors[name].to(dtype)

    edit(base, convert)
    loaded = load_lm(base)
    assert loaded.dtype == dtype
    assert {p.dtype for p in loaded.model.parameters()} == {torch.float32}


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_the_bottom_layers_alone_are_the_whole_models(model_type: str, tmp_path: Path):
    base = tiny_base(model_type, tmp_path)
    whole, bottom = load_lm(base), load_lm(base, layers=2)
    assert bottom.model.config.num_hidden_layers == 2 and bottom.has_head
    tensors = whole.model.state_dict()
    for name, tensor in bottom.model.state_dict().items():
        torch.testing.assert_close(tensor, tensors[name], rtol=0, atol=0)
        assert whole.family.layer_of(name) < 2


def untie(base: Path, *, config_says: bool) -> None:
    configure(base, tie_word_embeddings=not config_says)

    def add(tensors: Tensors) -> None:
        head = family_of(json.loads((base / "config.json").read_text())["model_type"]).head
        matrix = next(t for n, t in tensors.items() if n.endswith(MATRIX))
        tensors[f"{head.decoder}.weight"] = matrix.flip(0).contiguous()
        if head.bias is not None:
            tensors[f"{head.decoder}.bias"] = tensors[head.bias] + 1

    edit(base, add)


@pytest.mark.parametrize("config_says", [True, False])
@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_untied_weights_stay_apart_whatever_the_config_says(
    model_type: str, config_says: bool, tmp_path: Path
):
    base = tiny_base(model_type, tmp_path / "base")
    untie(base, config_says=config_says)
    loaded = load_lm(base)
    model = loaded.model
    assert not is_tied(model) and model.config.tie_word_embeddings is False
    torch.testing.assert_close(output(model).weight, embeddings(model).weight.flip(0))
    model.save_pretrained(tmp_path / "again")
    again = load_lm(tmp_path / "again").model
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], tensor, rtol=0, atol=0)


def test_an_untied_head_without_its_matrix_is_refused(base: Path):
    configure(base, tie_word_embeddings=False)
    with pytest.raises(UserError, match=r"lacks cls\.predictions\.decoder\.weight"):
        load_lm(base)


def test_an_untied_heads_bias_may_stand_under_its_old_name(base: Path):
    untie(base, config_says=True)
    edit(base, lambda tensors: tensors.pop("cls.predictions.decoder.bias"))
    model = load_lm(base).model
    bias = load_file(base / "model.safetensors")["cls.predictions.bias"]
    torch.testing.assert_close(output(model).bias.data, bias)


def test_a_body_alone_gets_a_new_head_that_is_tied(base: Path):
    def behead(tensors: Tensors) -> None:
        for name in [name for name in tensors if name.startswith("cls.")]:
            del tensors[name]

    edit(base, behead)
    configure(base, tie_word_embeddings=False)
    loaded = load_lm(base)
    assert not loaded.has_head and is_tied(loaded.model)


@pytest.mark.parametrize(
    ("most", "norms", "written"),
    [
        (torch.bfloat16, torch.float32, torch.float32),
        (torch.float32, torch.float16, torch.float32),
        (torch.float16, torch.bfloat16, torch.float32),
    ],
)
def test_of_several_types_the_one_is_known_that_rounds_none_of_them(
    most: torch.dtype, norms: torch.dtype, written: torch.dtype, base: Path
):
    def convert(tensors: Tensors) -> None:
        for name in tensors:
            tensors[name] = tensors[name].to(norms if "LayerNorm" in name else most)

    edit(base, convert)
    assert load_lm(base).dtype == written


@pytest.mark.parametrize(("stored", "scale"), [(torch.bfloat16, 4.25), (torch.float32, 18**0.5)])
@pytest.mark.parametrize("model_type", ["gemma2", "gemma3_text"])
def test_embeddings_are_scaled_as_in_the_type_they_are_stored_in(
    model_type: str, stored: torch.dtype, scale: float, tmp_path: Path
):
    AutoModelForCausalLM.from_config(tiny_config(model_type, hidden=18)).to(stored).save_pretrained(
        tmp_path
    )
    for loaded in (
        load_lm(tmp_path, frozen=True).model,
        load_lm(tmp_path).model,
        load_lm(tmp_path, dtype=stored).model,
        load_body(tmp_path),
    ):
        words = embeddings(loaded)
        ids = torch.arange(8)
        expected = words.weight[ids] * torch.tensor(scale, dtype=words.weight.dtype)
        torch.testing.assert_close(words(ids), expected, rtol=0, atol=0)
        rows = embedded(loaded, family_of(model_type), words.weight[ids], ids)
        torch.testing.assert_close(rows, words(ids), rtol=0, atol=0)
