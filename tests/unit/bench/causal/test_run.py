"""Every arm on a tiny base: to a score, for the FLOPs that it was given."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.causal import run as module
from bench.causal.arms import ARMS, BATCH_TOKENS, LARGE_EPS, SMALL_EPS, Arm, update, updates
from bench.causal.report import rows_of, write_report
from bench.causal.run import Bench, Place
from lingraft_trainer.running.context import StageContext
from lingraft_trainer.stages.corpus import corpus
from tests.support.bases import TEXT
from tests.support.causal import BASES, tiny_llama


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    folder = tmp_path_factory.mktemp("causal")
    base = BASES["smollm2"]().write(folder / "base")
    tiny_llama(base)
    rng = np.random.default_rng(0)
    words = sorted({word for line in TEXT for word in line.split()})
    lines = [" ".join(rng.choice(words, 30)) for _ in range(600)]
    (folder / "text").mkdir()
    (folder / "text" / "a.txt").write_text("\n\n".join(lines), encoding="utf-8")
    for part in ("out", "scratch"):
        (folder / part).mkdir()
    params: dict[str, Any] = {
        "language": None,
        "tokenizer": {"train": "bpe", "vocabSize": 384},
        "sequenceLength": 128,
        "heldoutShare": 0.05,
        "seed": 0,
    }
    inputs = {"text": folder / "text", "base": base}
    corpus(
        StageContext(params=params, inputs=inputs, out=folder / "out", scratch=folder / "scratch")
    )
    # A bridge wants source text: any of the base's tokens does.
    source = folder / "source"
    source.mkdir()
    (source / "train").symlink_to(folder / "out" / "heldout_base")
    return Bench(Place(base=base, corpus=folder / "out", source=source))


@pytest.mark.parametrize("name", ARMS)
def test_an_arm_spends_what_it_was_given(
    name: str, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    arm = ARMS[name]
    if arm.mini is not None:
        arm = Arm(mini=(1, 1))
        monkeypatch.setattr(module, "BRIDGE_TOKENS", 256)
    budget = 40 * update(Arm(), bench.shape, bench.text.vocab_size)
    found = bench.run(arm, 0, budget)
    assert found["bytes"] == bench.heldout.bytes == bench.in_own.bytes
    assert 0 < found["bitsPerByte"] < 20
    assert found["flops"] == pytest.approx(budget, rel=0.1)
    assert found["updates"] == updates(arm, bench.shape, bench.text.vocab_size, budget)
    assert found["eps"] == (LARGE_EPS if arm.large_eps else SMALL_EPS)


def test_states_without_training_are_scored_on_the_same_bytes(bench: Bench) -> None:
    scores = [bench.untouched(), bench.start(ARMS["calibrated"]), bench.start(ARMS["standard"])]
    assert len({one["bytes"] for one in scores}) == 1
    assert BATCH_TOKENS % bench.text.sequence_length == 0


def test_the_report_has_a_line_for_what_is_done(tmp_path: Path) -> None:
    for name, bits in (("untouched", 2.0), ("start mean", 2.5), ("standard 6 0", 1.75)):
        content = f'{{"bitsPerByte": {bits}, "updates": 3, "flops": 6e12}}'
        (tmp_path / f"{name}.json").write_text(content)
    assert [row.name for row in rows_of(tmp_path, 6.0)] == ["untouched", "start mean", "standard"]
    table = write_report(tmp_path, 6.0)
    assert "| standard | 3 | 6.0 | 1.750 |" in table
    assert "standard" in (tmp_path / "bits.svg").read_text()
    assert "standard,3,6.00,0,1.7500" in (tmp_path / "bits.csv").read_text()
