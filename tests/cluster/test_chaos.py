"""Whatever goes wrong on the way, every resource reaches Ready with the artifacts it would have.

CHAOS_SEEDS says how many seeds of each scenario the instant trainer runs (`make chaos`: 10), and
that the real one, which takes a minute each, runs every scenario; else it runs four of them.
"""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.bed.bed import Bed
from tests.cluster.bed.forwarder import Forwarder
from tests.cluster.chaos.invariants import broken
from tests.cluster.chaos.recorder import Recorder
from tests.cluster.chaos.scenarios import SCENARIOS, nothing
from tests.cluster.chaos.world import RUN_SECONDS, World, open_world
from tests.integration.seaweed import Seaweed
from tests.support.tiny import reading_base
from tests.support.world import write_world

pytestmark = pytest.mark.timeout(RUN_SECONDS + 100)
SEEDS = range(int(os.environ.get("CHAOS_SEEDS", "1")))
REAL = (
    [name for name in SCENARIOS if name != nothing.__name__]
    if "CHAOS_SEEDS" in os.environ
    else ["head_lost", "operator_killed", "store_refuses", "two_namespaces"]
)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that all runs adapt."""
    text = write_world(tmp_path_factory.mktemp("text") / "world") / "en.txt"
    return reading_base("roberta", text, tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def forwarders(session_bed: Bed, s3_server: Seaweed) -> Iterator[tuple[Forwarder, Forwarder]]:
    """The ways to the API server and to the store."""
    ports = [
        int(url.rpartition(":")[2]) for url in (session_bed.cluster.server, s3_server.endpoint)
    ]
    made = (Forwarder(ports[0]), Forwarder(ports[1]))
    yield made
    for forwarder in made:
        forwarder.close()


@pytest.fixture(scope="module")
def recorder(session_bed: Bed) -> Iterator[Recorder]:
    made = Recorder(session_bed.api)
    yield made
    made.stop()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_instant(
    bed: Bed,
    forwarders: tuple[Forwarder, Forwarder],
    recorder: Recorder,
    s3: Seaweed,
    tmp_path: Path,
    base: Path,
    scenario: str,
    seed: int,
) -> None:
    with open_world(bed, forwarders, recorder, s3, tmp_path, base) as world:
        disturb(world, scenario, seed)


@pytest.mark.parametrize("scenario", REAL)
def test_real(
    bed: Bed,
    forwarders: tuple[Forwarder, Forwarder],
    recorder: Recorder,
    s3: Seaweed,
    tmp_path: Path,
    base: Path,
    scenario: str,
) -> None:
    with open_world(bed, forwarders, recorder, s3, tmp_path, base, real=True) as world:
        disturb(world, scenario, 0)


def disturb(world: World, scenario: str, seed: int) -> None:
    """Run a scenario, and look at everything after it."""
    try:
        SCENARIOS[scenario](world, random.Random(f"{scenario}-{seed}"))
        world.wait_ready()
        wrong = list(broken(world))
        assert not wrong, "\n".join(wrong)
    except BaseException as error:
        name = f"test_real[{scenario}]" if world.real else f"test_instant[{scenario}-{seed}]"
        error.add_note(
            f"again: CHAOS_SEEDS={seed + 1} tools/loopback.sh .venv/bin/pytest "
            f"'tests/cluster/test_chaos.py::{name}'"
        )
        error.add_note(world.story())
        raise
