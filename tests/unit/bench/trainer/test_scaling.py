"""The arithmetic of the table for more nodes."""

import pytest

from bench.trainer.scaling import SHARE, Worker, exchange_seconds, local_cost, sent, table

HALF = {"tokens": 1000, "cpuSeconds": 0.3}
ONE = {"tokens": 2000, "cpuSeconds": 0.5}


def test_a_ring_sends_the_gradient_twice_but_for_what_is_ones_own() -> None:
    size = 32_000 * 257 * 4
    two = sent(vocabulary=32_000, hidden=256, nodes=2, element_bytes=4)
    many = sent(vocabulary=32_000, hidden=256, nodes=1000, element_bytes=4)
    assert two == size
    assert many == pytest.approx(2 * size, rel=2e-3)


def test_a_gigabit_moves_125_megabytes_a_second_beside_the_machines_own_work() -> None:
    local = local_cost({"exchangeSeconds": 0.05, "gradientBytes": 25e6})
    assert exchange_seconds(125e6, local=local, gbit=1) == pytest.approx(1 + 0.25)
    assert exchange_seconds(125e6, local=local, gbit=10) == pytest.approx(0.1 + 0.25)


@pytest.mark.parametrize("exchange", [0.1, 1.0, 10.0])
def test_from_those_tokens_on_an_exchange_is_the_share(exchange: float) -> None:
    worker = Worker.of(HALF, ONE)
    step = worker.seconds(worker.tokens_for(exchange))
    assert exchange / (step + exchange) == pytest.approx(SHARE)


def test_an_exchange_that_the_optimizer_alone_outlasts_asks_for_no_tokens() -> None:
    assert Worker.of(HALF, ONE).tokens_for(0.001) == 0


def test_the_table_has_a_line_for_every_case_link_and_type() -> None:
    two = {"exchangeSeconds": 0.05, "gradientBytes": 25e6}
    sides = {"half": HALF, "one": ONE, "two-fp32": two, "two-bf16": two}
    case = {"hidden": 256, "vocabulary": 32_000}
    lines = table({"cases": [{"case": case, "layers": 4, "sides": sides}]}).splitlines()
    assert len(lines) == 1 + 2 * 2 * 2
