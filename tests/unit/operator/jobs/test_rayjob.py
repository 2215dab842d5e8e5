import json
import re
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lingraft.errors import UserError
from lingraft.pools import Pool
from lingraft.stage import StageKind, StageSpec
from lingraft_operator import names
from lingraft_operator.config import Config
from lingraft_operator.jobs.rayjob import SPEC_BYTES, RayJobRequest, build_rayjob, execution_for
from tests.support.objects import objects
from tests.unit.operator.shapes import GOLDEN, GPUS, PLAIN, S3, SHAPES, SPOT, golden, pool, request
from tests.unit.operator.shapes import text_of as golden_text

Object = dict[str, Any]
KINDS: tuple[StageKind, ...] = get_args(StageKind)
CONFIGS = (PLAIN, S3)
FEW = settings(max_examples=30)

kinds = st.sampled_from(KINDS)
pools = objects(Pool).map(Pool.model_validate)
some_secrets = st.sampled_from([None, "s3-credentials"])
requests = st.builds(
    request,
    kinds,
    pools,
    queue=st.sampled_from([None, "team-a"]),
    credentials_secret=some_secrets,
)


@pytest.mark.parametrize("name", SHAPES)
def test_the_rayjob_is_the_golden_one(name: str) -> None:
    assert golden_text(name) == golden(name).read_text(), (
        "if that is meant: python -m tests.unit.operator.shapes"
    )


def test_no_golden_file_is_left_over() -> None:
    assert {file.stem for file in GOLDEN.iterdir()} == SHAPES.keys()


# What holds for every RayJob.


def containers(rayjob: Object) -> list[Object]:
    """Head's first."""
    return [template["spec"]["containers"][0] for template in templates(rayjob)]


def groups(rayjob: Object) -> list[Object]:
    cluster = rayjob["spec"]["rayClusterSpec"]
    return [cluster["headGroupSpec"], *cluster.get("workerGroupSpecs", [])]


def with_workers(pool: Pool) -> Pool:
    return pool.model_copy(update={"workers": pool.workers or 1})


def templates(rayjob: Object) -> list[Object]:
    return [group["template"] for group in groups(rayjob)]


def environment(container: Object) -> dict[str, str]:
    found = {one["name"]: one["value"] for one in container["env"]}
    assert len(found) == len(container["env"]), "a variable stands there twice"
    return found


@FEW
@given(requests, st.sampled_from(CONFIGS))
def test_the_trainer_gets_the_spec_and_only_on_the_head(
    asked: RayJobRequest, config: Config
) -> None:
    head, *workers = containers(build_rayjob(asked, config))
    assert StageSpec.model_validate_json(environment(head)["LINGRAFT_STAGE"]) == asked.spec
    assert all("LINGRAFT_STAGE" not in environment(worker) for worker in workers)


@FEW
@given(st.text(), st.sampled_from(["$(HOME)", "$$(HOME)", "$", ""]))
def test_kubernetes_expands_nothing_in_the_spec(text: str, reference: str) -> None:
    asked = request("embed", pool())
    stage = asked.planned.stage.model_copy(update={"params": {"text": text + reference}})
    asked = replace(asked, spec=asked.spec.model_copy(update={"stage": stage}))
    value = environment(containers(build_rayjob(asked, PLAIN))[0])["LINGRAFT_STAGE"]
    assert "$" not in value
    assert json.loads(value)["stage"]["params"]["text"] == text + reference


@FEW
@given(requests)
def test_labels_and_annotations_are_what_kubernetes_takes(asked: RayJobRequest) -> None:
    rayjob = build_rayjob(asked, PLAIN)
    metadata = rayjob["metadata"]
    for labels in (metadata["labels"], *(t["metadata"]["labels"] for t in templates(rayjob))):
        for value in labels.values():
            assert re.fullmatch(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", value)
    assert all(isinstance(value, str) for value in metadata["annotations"].values())


@FEW
@given(requests)
def test_pods_name_their_rayjob_and_holder_and_no_queue(asked: RayJobRequest) -> None:
    rayjob = build_rayjob(asked, PLAIN)
    assert rayjob["metadata"]["labels"].get(names.QUEUE) == asked.queue
    for template in templates(rayjob):
        labels = template["metadata"]["labels"]
        assert labels[names.RAYJOB] == rayjob["metadata"]["name"]
        assert labels[names.HOLDER] == asked.spec.holder
        assert names.QUEUE not in labels


@FEW
@given(requests)
def test_ray_offers_what_the_trainer_asks_for(asked: RayJobRequest) -> None:
    execution, offers = asked.spec.execution, groups(build_rayjob(asked, PLAIN))
    for offer in offers[1:]:
        assert offer["replicas"] == offer["minReplicas"] == offer["maxReplicas"]
        assert offer["replicas"] == execution.workers
    given = offers[-1]["rayStartParams"]
    assert int(given["num-cpus"]) >= execution.threads >= 1
    assert int(given["num-gpus"]) == execution.gpus_per_worker


@FEW
@given(st.builds(request, kinds, pools.map(with_workers)))
def test_beside_workers_the_head_offers_nothing(asked: RayJobRequest) -> None:
    head, _ = groups(build_rayjob(asked, PLAIN))
    assert {head["rayStartParams"][k] for k in ("num-cpus", "num-gpus")} == {"0"}
    amounts = head["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert amounts.keys() == {"cpu", "memory", "ephemeral-storage"}


def test_heads_beside_workers_have_a_size_of_their_own() -> None:
    """Field by field: the chart's, and over it the resource's."""
    sized = pool(SPOT, {"head": {"memory": "4Gi"}}, {"head": {"scratchSize": "30Gi"}})
    head, worker = groups(build_rayjob(request("embed", sized), PLAIN))
    limits = [
        one["template"]["spec"]["containers"][0]["resources"]["limits"] for one in (head, worker)
    ]
    assert limits[0] == {"cpu": "1", "memory": "4Gi", "ephemeral-storage": "30Gi"}
    assert limits[1]["memory"] == SPOT["memory"]
    assert int(head["rayStartParams"]["object-store-memory"]) < 2**30
    labels = [one["template"]["metadata"]["labels"].get(names.HEAD) for one in (head, worker)]
    assert labels == [names.BESIDE_WORKERS, None]


@pytest.mark.parametrize("name", SHAPES)
def test_pods_get_what_they_ask_for_and_no_more(name: str) -> None:
    rayjob = build_rayjob(*SHAPES[name])
    for container, template in zip(containers(rayjob), templates(rayjob), strict=True):
        limits = container["resources"]["limits"]
        assert container["resources"]["requests"] == limits
        volumes = {v["name"]: v.get("emptyDir") for v in template["spec"]["volumes"]}
        assert volumes[names.SCRATCH] == {"sizeLimit": limits["ephemeral-storage"]}


@pytest.mark.parametrize("name", SHAPES)
def test_kueue_alone_suspends(name: str) -> None:
    assert "suspend" not in build_rayjob(*SHAPES[name])["spec"]


@pytest.mark.parametrize("name", SHAPES)
def test_credentials_are_named_and_never_written_out(name: str) -> None:
    for container in containers(build_rayjob(*SHAPES[name])):
        secret = SHAPES[name][0].credentials_secret
        assert container.get("envFrom") == ([{"secretRef": {"name": secret}}] if secret else None)
        assert not any("valueFrom" in variable for variable in container["env"])


def test_nothing_of_the_operators_environment_reaches_the_pods(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = {name: golden_text(name) for name in SHAPES}
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "HF_TOKEN"):
        monkeypatch.setenv(name, "the-operators-own")
    for name in ("HOME", "USER", "LINGRAFT_STAGE", "RAY_ADDRESS", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "the-operators-own")
    assert {name: golden_text(name) for name in SHAPES} == before


@FEW
@given(requests, st.sampled_from(CONFIGS))
def test_the_same_request_gives_the_same_rayjob_of_plain_json(
    asked: RayJobRequest, config: Config
) -> None:
    rayjob = build_rayjob(asked, config)
    assert rayjob == build_rayjob(asked, config)
    assert json.loads(json.dumps(rayjob)) == rayjob


# Memory.


@pytest.mark.parametrize("memory", ["8Gi", "1.5G", "8192Mi", "2000000k", "3000000000"])
def test_the_object_store_fits_into_shared_memory_and_that_into_the_pod(memory: str) -> None:
    limit = {"8Gi": 2**33, "8192Mi": 2**33, "1.5G": 1.5e9, "2000000k": 2e9, "3000000000": 3e9}
    (head,) = groups(build_rayjob(request("mini", pool({"memory": memory})), PLAIN))
    volumes = {v["name"]: v for v in head["template"]["spec"]["volumes"]}
    shared = volumes["shared-memory"]["emptyDir"]
    assert shared["medium"] == "Memory"
    size = int(shared["sizeLimit"].removesuffix("Mi")) * 2**20
    assert 75 * 2**20 <= int(head["rayStartParams"]["object-store-memory"]) <= size
    assert limit[memory] / 5 < size <= limit[memory] / 4


# Placement.


def placement(rayjob: Object) -> list[tuple[Object | None, Object | None]]:
    specs = [template["spec"] for template in templates(rayjob)]
    return [(spec.get("nodeSelector"), spec.get("tolerations")) for spec in specs]


def test_a_head_with_nodes_of_its_own_stays_off_spot() -> None:
    head, workers = placement(build_rayjob(request("embed", pool(SPOT)), PLAIN))
    assert head == (SPOT["headNodeSelector"], None)
    assert workers == (SPOT["nodeSelector"], SPOT["tolerations"])


def test_an_empty_selector_for_heads_means_any_node_without_taints() -> None:
    asked = request("embed", pool(SPOT, {"headNodeSelector": {}}))
    assert placement(build_rayjob(asked, PLAIN))[0] == (None, None)


def test_a_head_among_the_workers_tolerates_what_they_do() -> None:
    head, workers = placement(build_rayjob(request("finetune", pool(GPUS)), PLAIN))
    assert head == workers == (GPUS["nodeSelector"], GPUS["tolerations"])


def test_a_head_that_works_is_placed_as_a_worker() -> None:
    asked = request("embed", pool(SPOT, {"workers": 0}))
    assert placement(build_rayjob(asked, PLAIN)) == [(SPOT["nodeSelector"], SPOT["tolerations"])]


# Execution.


@pytest.mark.parametrize("kind", KINDS)
def test_only_data_parallel_stages_take_all_workers(kind: StageKind) -> None:
    many = kind in ("pretrain", "mini", "embed", "finetune")
    stage = request(kind, pool()).planned.stage
    assert execution_for(stage, Pool(workers=4), 1).workers == (4 if many else 1)
    assert execution_for(stage, Pool(workers=0), 1).workers == 0


@pytest.mark.parametrize(
    ("cpu", "threads"), [("4", 4), ("2.9", 2), ("2500m", 2), ("500m", 1), ("0.5", 1), (None, 2)]
)
def test_threads_are_whole_cores(cpu: str | None, threads: int) -> None:
    stage = request("embed", pool()).planned.stage
    assert execution_for(stage, Pool(cpu=cpu), 1).threads == threads


def test_one_worker_has_all_cores_of_its_pod() -> None:
    asked = request("corpus", pool({"workers": 3, "cpu": "4"}))
    _, workers = groups(build_rayjob(asked, PLAIN))
    assert workers["rayStartParams"]["num-cpus"] == "4"
    assert asked.spec.execution.threads == 4
    assert workers["replicas"] == 1


# Size.


def of_size(length: int) -> RayJobRequest:
    """A request whose spec takes so many bytes."""
    asked = request("graft", pool())
    value = environment(containers(build_rayjob(asked, PLAIN))[0])["LINGRAFT_STAGE"]
    padding = "x" * (length - len(value) - len(',"padding":""'))
    stage = asked.planned.stage.model_copy(update={"params": {"steps": 100, "padding": padding}})
    spec = asked.spec.model_copy(update={"stage": stage})
    return replace(asked, spec=spec)


def test_a_spec_that_just_fits_is_taken() -> None:
    build_rayjob(of_size(SPEC_BYTES), PLAIN)


def test_a_spec_too_large_for_an_environment_is_a_user_error_that_says_what_to_do() -> None:
    with pytest.raises(UserError, match=r"stage graft: .*102,401 bytes.*divide the tasks"):
        build_rayjob(of_size(SPEC_BYTES + 1), PLAIN)
