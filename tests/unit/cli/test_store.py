"""Logs, and what lies in a store."""

import os
from pathlib import Path

import pytest

from lingraft.files import load_resource
from lingraft.plan import Plan
from lingraft.planning import plan_resource
from lingraft.stage import Result
from lingraft.store import open_store
from lingraft.store.logs import Logs
from lingraft.store.stages import StageStore
from tests.support.cli import call


@pytest.fixture
def plan(file: Path) -> Plan:
    """Its step 2 was done by `b`, after others."""
    plan = plan_resource(load_resource(file))
    store = open_store(plan.store)
    for name, holder, at in (("corpus", "a", 1), ("embed", "b", 2), ("embed", "c", 3)):
        Logs(store, plan[name].stage).write(holder, f"{name} by {holder}\n")
        log = store.local_path(f"{plan[name].stage.ref}/{holder}/log.txt")
        assert log is not None
        os.utime(log, (at, at))
    return plan


def done(plan: Plan, name: str, holder: str) -> None:
    provenance = {"madeFor": f"swahili/{name}"}
    stage = plan[name].stage
    StageStore(open_store(plan.store), stage, holder).publish((), Result(metrics={}), provenance)


def test_no_logs_yet(capsys, file):
    code, _, err = call(capsys, "logs", "-f", str(file))
    assert code == 2 and "no trainer has said anything yet" in err


def test_logs_are_those_of_who_spoke_last_or_made_the_artifact(capsys, file, plan):
    code, out, err = call(capsys, "logs", "-f", str(file))
    assert (code, out) == (0, "embed by c\n")
    assert err.startswith("embed: file://") and err.endswith("/c/log.txt\n")
    assert call(capsys, "logs", "-f", str(file), "corpus")[1] == "corpus by a\n"
    done(plan, "embed", "b")
    assert call(capsys, "logs", "-f", str(file), "embed")[1] == "embed by b\n"
    code, out, _ = call(capsys, "store", "logs", "--store", plan.store, "embed")
    assert code == 0 and out.count("/log.txt\n") == 2
    code, _, err = call(capsys, "logs", "-f", str(file), "embbed")
    assert code == 2 and "there are corpus, embed, finetune-genre-0, graft" in err


def test_a_store_is_listed_by_resource_and_by_what_a_stage_is_called(capsys, plan):
    done(plan, "corpus", "a")
    done(plan, "embed", "b")
    code, out, _ = call(capsys, "store", "ls", "--store", plan.store)
    short = plan["embed"].stage.ref[: len("embed/") + 12]
    assert code == 0 and f"  {short}  embed\n" in out and out.count("not done") == 0
    of_it = call(capsys, "store", "ls", "--store", plan.store, "--resource", "swahili")[1]
    assert of_it == out
    of_another = call(capsys, "store", "ls", "--store", plan.store, "--resource", "thai")
    assert of_another == (0, "", "")
    code, out, _ = call(capsys, "store", "show", "--store", plan.store, "swahili/embed")
    assert code == 0 and '"madeFor": "swahili/embed"' in out


@pytest.mark.parametrize("name", ["not-there.json", "not-there.yaml"])
def test_a_fleet_of_files_that_are_not_there(name, capsys, tmp_path):
    code, out, err = call(capsys, "fleet", str(tmp_path / name))
    assert (code, out) == (2, "") and f"{name}" in err
    assert "cannot be read: No such file or directory" in err
