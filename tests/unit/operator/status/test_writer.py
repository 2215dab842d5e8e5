"""Of progress alone the first is written at once, and the rest now and then."""

from datetime import UTC, datetime, timedelta
from typing import Any

from lingraft.status import Attempt, LanguageAdaptationStatus, StageProgress, StageStatus
from lingraft_operator import metrics
from lingraft_operator.status.writer import StatusWriter
from tests.unit.operator.watches.test_troubles import KEY, Answers, cache_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def at(**steps: int | None) -> LanguageAdaptationStatus:
    """A status of running stages, each so far on; None: nothing was heard of it."""
    stages = tuple(
        StageStatus(
            name=name,
            kind="corpus",
            digest="d" * 64,
            state="Running",
            progress=None if step is None else StageProgress(step=step, steps=9, updated_at=NOW),
        )
        for name, step in steps.items()
    )
    return LanguageAdaptationStatus(phase="Running", stages=stages)


class Counted(Answers):
    """Counts writes."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0

    def write_status(self, resource: Any, status: dict[str, Any]) -> dict[str, Any]:
        self.writes += 1
        return super().write_status(resource, status)


def test_the_first_progress_of_each_stage_is_written_at_once() -> None:
    cache, api = cache_of(), Counted()
    writer = StatusWriter(cache, api, lambda *_: None)  # pyright: ignore[reportArgumentType]
    later = at(corpus=2).stages[0].model_copy(update={"eta": NOW + timedelta(seconds=9)})
    for status, writes in (
        (at(corpus=None), 1),
        (at(corpus=1), 2),
        (at(corpus=2), 3),  # progress alone, for the first time
        (at(corpus=3), 3),
        (at(corpus=3).model_copy(update={"stages": (later,)}), 3),
        (at(corpus=3, embed=None), 4),
        (at(corpus=4, embed=None), 4),
        (at(corpus=4, embed=0), 5),
        (at(corpus=5, embed=1), 5),
    ):
        resource = cache.resource(KEY)
        assert resource is not None
        writer.write(resource, status)
        assert api.writes == writes


def test_what_a_trainer_wrote_becomes_no_label() -> None:
    left = Attempt(
        number=1, ray_job="r", uid="u", holder="h", micro_batch_tokens=1, started_at=NOW,
        ended_at=NOW, reason="a-trainer-s-own-word", counted=False,
    )  # fmt: skip
    cache = cache_of()
    writer = StatusWriter(cache, Answers(), lambda *_: None)  # pyright: ignore[reportArgumentType]
    resource = cache.resource(KEY)
    assert resource is not None
    stage = at(corpus=None).stages[0].model_copy(update={"attempts": (left,)})
    count = metrics.attempts_ended.labels("corpus", metrics.LEFT)
    before = count._value.get()
    writer.write(resource, LanguageAdaptationStatus(phase="Stalled", stages=(stage,)))
    assert count._value.get() == before + 1
    assert {outcome for _, outcome in metrics.attempts_ended._metrics} <= set(metrics.OUTCOMES)
