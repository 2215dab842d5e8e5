"""Whose turn it is when a pool cannot hold a stage: the resource's, or the chart's."""

from typing import Any

import pytest

from lingraft.errors import UserError
from lingraft.stage import Compute, Manifest
from lingraft_operator import capacity
from lingraft_operator.capacity import TooSmallError, check_memory
from lingraft_operator.config import PoolConfig, PoolConfigs
from lingraft_operator.planning.failures import as_failure
from tests.support.operator.settings import config
from tests.support.specs import planned, spec_of, task
from tests.unit.test_memory import llama

LARGE = "spec.pools.large.memory"


def settings(memory: str) -> Any:
    return config(
        pools=PoolConfigs(large=PoolConfig(memory=memory), small=PoolConfig(memory="64Gi"))
    )


def test_what_the_chart_gives_may_be_changed_by_whoever_runs_it() -> None:
    plan, spec = llama(tasks=[task()]), spec_of(tasks=[task()])
    with pytest.raises(TooSmallError, match="pool large has 16Gi") as error:
        check_memory(plan, spec, settings("16Gi"))
    found = as_failure(error.value)
    assert (found.reason, found.failure_class, found.where) == ("PoolTooSmall", "outside", LARGE)
    check_memory(plan, spec, settings("256Gi"))


def test_what_the_resource_asks_for_it_must_change_itself() -> None:
    spec = spec_of(tasks=[task()], pools={"large": {"memory": "32Gi"}})
    with pytest.raises(UserError, match="pool large has 32Gi") as error:
        check_memory(llama(tasks=[task()]), spec, settings("256Gi"))
    assert as_failure(error.value).reason == "InvalidSpec"


def test_where_nobody_says_anything_the_operator_s_own_pool_counts() -> None:
    check_memory(planned(spec_of("MiniPost", tasks=[task()])), spec_of(), config())
    with pytest.raises(TooSmallError, match="pool small has 8Gi"):
        check_memory(llama(), spec_of(), config())


def test_what_is_cached_is_held_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = llama(tasks=[task()])
    done = {
        one.name: Manifest(
            stage=one.stage,
            holder="",
            files=(),
            metrics={},
            compute=Compute(),
            environment={},
            created_at="",
        )
        for one in plan.stages
        if one.stage.kind == "finetune"
    }
    monkeypatch.setattr(capacity, "manifests_of", lambda _: done)
    check_memory(plan, spec_of(tasks=[task()]), settings("64Gi"))
