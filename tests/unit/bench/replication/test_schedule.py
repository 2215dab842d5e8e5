"""Which stages may start, and on how many threads."""

from bench.replication.schedule import ready, threads_of
from bench.replication.stages import distinct, with_curve
from tests.support.specs import planned, spec_of, task

PLAN = with_curve(planned(spec_of("MiniPost", tasks=[task()], embeddings={"snapshots": 2})))
STAGES = distinct([PLAN])


def names(refs: list[str]) -> set[str]:
    return {STAGES[ref][1].name for ref in refs}


def test_a_stage_starts_when_all_that_it_reads_is_done() -> None:
    done: set[str] = set()
    while len(done) < len(STAGES):
        can = ready(STAGES, done, set())
        assert can, "nothing can start, and not all is done"
        for ref in can:
            read = {one for one in STAGES[ref][1].stage.inputs.values() if one in STAGES}
            assert read <= done
        done.add(can[0])
    assert ready(STAGES, done, set()) == []


def test_a_running_stage_is_not_started_again() -> None:
    first = ready(STAGES, set(), set())
    assert first and ready(STAGES, set(), set(first)) == []


def test_snapshots_wait_for_step_2() -> None:
    done = {ref for ref, (_, one) in STAGES.items() if one.stage.kind not in ("embed", "graft")}
    assert names(ready(STAGES, done, set())) == {"embed"}
    done.add(PLAN["embed"].stage.ref)
    assert all(name.startswith("graft-") for name in names(ready(STAGES, done, set())))


def test_a_base_takes_every_core_where_nobody_waits_but_what_is_timed_never_does() -> None:
    assert threads_of("pretrain", alone=True, cores=4, jobs=2) == 4
    assert threads_of("pretrain", alone=False, cores=4, jobs=2) == 2
    assert threads_of("embed", alone=True, cores=4, jobs=2) == 2
    assert threads_of("graft", alone=False, cores=2, jobs=4) == 1
