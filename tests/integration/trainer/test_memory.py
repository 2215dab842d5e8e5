"""What stages take beside what the formula says, of a base of 138 MB in four files."""

import json
from pathlib import Path
from typing import Any

import pytest

from lingraft import memory
from lingraft.architecture import Shape, shape_of_config
from lingraft.memory import LEAST, Held, Memory
from tests.support.large import packed, sharded_llama
from tests.support.peak import peak_of

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="takes Linux's own counts"),
]
SIZES = {
    "vocabulary": 12_000,
    "hidden": 768,
    "intermediate": 2048,
    "layers": 8,
    "heads": 12,
    "key_heads": 4,
}
OURS, LENGTH, TOKENS, MOST = 6_000, 256, 1024, 1.25
RUN: dict[str, Any] = {
    "steps": 2,
    "batchTokens": TOKENS,
    "sequenceLength": LENGTH,
    "learningRate": 1e-3,
    "warmupSteps": 1,
    "weightDecay": 0.01,
    "dropout": 0.0,
    "seed": 0,
}
MINI = {"method": "MiniPost", "layers": 2, "newLayers": 1, "newLayersFrom": "Top"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large")
    sharded_llama(folder / "base", **SIZES)
    packed(folder / "source", "a", SIZES["vocabulary"], rows=16, length=LENGTH)
    packed(folder / "corpus", "b", OURS, rows=16, length=LENGTH)
    return folder


@pytest.fixture(scope="module")
def shape(world: Path) -> Shape:
    return shape_of_config(json.loads((world / "base" / "config.json").read_text()), where="")


def held(what: str, found: dict[str, Any], formula: Memory, *, mapped: bool) -> None:
    """Within the bounds that `lingraft.memory` states; what is only read may lie in files."""
    kind = "resident" if mapped else "anonymous"
    libraries = 0 if mapped else found["before"]["resident"] - found["before"]["anonymous"]
    taken = found["peak"][kind] + libraries
    print(f"{what}: {taken >> 20} MiB taken, {formula.total >> 20} by formula")
    assert LEAST <= taken / formula.total <= MOST, (what, taken / formula.total)


def test_what_trains(world: Path, shape: Shape) -> None:
    base, corpus = world / "base", world / "corpus"
    params = {"method": "Standard", "init": "mean", "training": RUN}
    found = peak_of("embed", params, world / "embed", model=base, base=base, corpus=corpus)
    formula = memory.embed(
        Held(shape, 8, 2), vocabulary=OURS, tokens=TOKENS, told=1.0, sequence_length=LENGTH
    )
    held("embed", found, formula, mapped=True)

    post = {"method": "MiniPost", "layers": 3, "newLayers": 2, "training": RUN}
    found = peak_of("mini", post, world / "post", base=base, corpus=world / "source")
    formula = memory.train(Held(shape, 5, 2), trained=2, heads=1, tokens=TOKENS, told=1.0)
    held("mini", found, formula, mapped=True)


def test_what_is_only_read_is_not_held(world: Path, shape: Shape) -> None:
    """Bridge and graft: less than the base is in memory that cannot be taken back, beside rows."""
    base = world / "base"
    bridged = MINI | {"training": None, "bridge": {"tokens": 4096}}
    found = peak_of("mini", bridged, world / "mini", base=base, corpus=world / "source")
    rows = 4 * memory.token_weights(shape, shape.vocabulary)
    beside = 6 * 8 * shape.hidden**2 + rows
    formula = memory.read(
        Held(shape, 8, 2), vocabulary=shape.vocabulary, sequence_length=LENGTH, beside=beside
    )
    held("bridge", found, formula, mapped=False)
    assert found["metrics"]["heldoutLoss"] > 0

    mini, corpus = world / "mini" / "out", world / "corpus"
    params = {"method": "MiniPost", "init": "mean", "training": RUN}
    peak_of("embed", params, world / "step2", model=mini, base=base, corpus=corpus)
    asked = {"language": "fr", "method": "MiniPost", "init": "mean", "seed": 0, "tasks": []}
    step2 = world / "step2" / "out"
    found = peak_of("graft", asked, world / "graft", base=base, corpus=corpus, embed=step2)
    beside = 2 * 4 * memory.token_weights(shape, OURS)
    formula = memory.read(Held(shape, 8, 2), vocabulary=OURS, sequence_length=LENGTH, beside=beside)
    held("graft", found, formula, mapped=False)
