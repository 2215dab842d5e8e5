"""Bytes by formula: what is counted is there, and no pool is taken for larger than it is."""

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoConfig

from lingraft import memory
from lingraft.architecture import Shape, shape_of_config
from lingraft.errors import UserError
from lingraft.families import FAMILIES
from lingraft.machine import memory_limit
from lingraft.memory import RUNTIME, Held
from lingraft.plan import Plan
from lingraft.plan.capacity import check_machine, check_pools, least
from lingraft.plan.memory import memory_by_stage, width_of
from lingraft.pools import Pool, Pools
from tests.support.specs import planned, spec_of, task
from tests.support.tiny import CAUSAL_TYPES, tiny_model

GIB = 1 << 30
LLAMA_8B: dict[str, Any] = {
    "model_type": "llama",
    "num_hidden_layers": 32,
    "hidden_size": 4096,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "intermediate_size": 14336,
    "vocab_size": 128_256,
    "max_position_embeddings": 8192,
    "architectures": ["LlamaForCausalLM"],
}


def llama(method: str = "Standard", **changes: Any) -> Plan:
    """A plan on an 8B base in bf16."""
    shape = shape_of_config(LLAMA_8B, where="")
    plan = planned(spec_of(method, **changes), shape)
    sources = (
        one.model_copy(update={"bytes": 16_060_000_000, "objects": 9})
        if one.reads == "checkpoint"
        else one
        for one in plan.sources
    )
    return plan.model_copy(update={"sources": tuple(sources)})


@pytest.mark.parametrize("model_type", FAMILIES)
def test_whether_a_decoder_is_tied_is_transformers_default(model_type: str) -> None:
    config = AutoConfig.for_model(model_type)
    assert FAMILIES[model_type].tied == config.tie_word_embeddings


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("model_type", CAUSAL_TYPES)
def test_matrices_are_counted(model_type: str, tied: bool) -> None:
    model = tiny_model(model_type, tied=tied)
    shape = shape_of_config(
        model.config.to_dict() | {"architectures": [type(model).__name__]}, where=""
    )
    real = sum(one.numel() for one in model.parameters() if one.ndim >= 2)
    assert memory.parameters(shape) == real


def test_eight_billion_in_bf16() -> None:
    plan = llama()
    assert memory.parameters(plan.shape) == pytest.approx(8.03e9, rel=0.001)
    assert width_of(plan) == 2
    assert 13 * GIB < memory_by_stage(plan)["embed"].weights < 14 * GIB
    graft = memory_by_stage(plan)["graft"]
    assert graft.total < 7 * GIB, "its body stays in its file"


def test_a_base_in_fp32_is_twice_as_wide() -> None:
    plan = llama()
    wide = (one.model_copy(update={"bytes": 2 * one.bytes}) for one in plan.sources)
    assert width_of(plan.model_copy(update={"sources": tuple(wide)})) == 4


def test_a_mini_model_takes_its_layers_share() -> None:
    spec = {"layers": 8, "newLayers": 4, "newLayersFrom": "Top", "steps": 0}
    whole, part = (memory_by_stage(one)["embed"] for one in (llama(), llama("MiniPost", mini=spec)))
    rows = whole.gradients
    assert (part.weights - rows) / (whole.weights - rows) == pytest.approx(12 / 32)


def test_what_no_pool_can_hold_is_refused_by_name() -> None:
    plan = llama(tasks=[task()])
    fine = Pools(large=Pool(memory="256Gi"), small=Pool(memory="64Gi"))
    check_pools(plan, fine)
    check_pools(plan, Pools())
    with pytest.raises(
        UserError, match=r"stage finetune-xnli-0 has to hold .* pool large"
    ) as error:
        check_pools(plan, Pools(large=Pool(memory="64Gi")))
    assert error.value.where == "spec.pools.large.memory"
    check_pools(plan, Pools(large=Pool(memory="64Gi", gpus=1)))
    check_pools(plan, Pools(large=Pool(memory="64Gi")), {"finetune-xnli-0", "finetune-xnli-1"})
    with pytest.raises(UserError, match="stage embed has to hold"):
        check_pools(plan, Pools(small=Pool(memory="8Gi")))


def test_workers_share_out_what_one_cannot_hold() -> None:
    plan = llama(tasks=[task()])
    one, eight = (least(plan, plan["finetune-xnli-0"], workers=n) for n in (1, 8))
    assert one is not None and eight is not None
    assert eight.total < one.total / 4
    check_pools(plan, Pools(large=Pool(memory="64Gi", workers=8)))
    embed = [least(plan, plan["embed"], workers=n) for n in (1, 8)]
    assert embed[0] == embed[1], "frozen layers are held by each"


def test_this_machine_is_judged_too() -> None:
    plan = llama()
    check_machine(plan, 64 * GIB, workers=1, gpu=False)
    with pytest.raises(UserError, match=r"a worker on this machine has 8\.0 GiB") as error:
        check_machine(plan, 8 * GIB, workers=1, gpu=False)
    assert error.value.where == "stage embed"


def test_small_models_are_never_refused_for_the_chart_s_pools() -> None:
    plan = planned(spec_of("MiniPost", tasks=[task()]))
    assert all(one.total < 8 * GIB for one in memory_by_stage(plan).values())
    assert "corpus" not in memory_by_stage(plan)


def test_the_total_is_of_the_worse_moment() -> None:
    shape: Shape = llama().shape
    found = memory.embed(
        Held(shape, 4, 2), vocabulary=1000, tokens=512, told=1.0, sequence_length=512
    )
    assert found.total == RUNTIME + found.weights + found.start, "of the base's 128,256 rows"


@pytest.mark.parametrize(
    ("lines", "limits", "wanted"),
    [
        ("0::/a/b\n", {"a/memory.max": "1000", "a/b/memory.max": "max"}, 1000),
        (
            "4:memory:/pod\n1:cpu:/\n",
            {"memory/pod/memory.limit_in_bytes": "2000", "memory/memory.limit_in_bytes": "9" * 19},
            2000,
        ),
        ("0::/gone\n", {"memory.max": "3000"}, 3000),
    ],
)
def test_a_containers_limit_counts(
    lines: str, limits: dict[str, str], wanted: int, tmp_path: Path
) -> None:
    (tmp_path / "cgroup").write_text(lines)
    for name, text in limits.items():
        file = tmp_path / "root" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")
    assert memory_limit(tmp_path / "cgroup", tmp_path / "root") == wanted
    assert memory_limit(tmp_path / "none", tmp_path) > 1 << 30
