"""What a status may take: etcd keeps objects of up to 1.5 MiB. Pure.

The plan is kept whole. How much of the attempts is kept follows from it alone: of few stages ten
attempts with all that was said, of hundreds the last one with a sentence. What is left out stays
counted (`decision/past.py`), so that no decision hangs on it.
"""

from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple, get_args

from lingraft.resource import LanguageAdaptationSpec
from lingraft.status import (
    Artifacts,
    Attempt,
    BudgetStatus,
    ComputeStatus,
    Condition,
    ConditionType,
    Evaluation,
    FormerAttempts,
    HeldOut,
    LanguageAdaptationStatus,
    Left,
    Money,
    PinnedPlan,
    PublishedStatus,
    RefreshStatus,
    Spent,
    StageStatus,
)
from lingraft.store.logs import log_uri
from lingraft_operator.decision.spending import MOST_CURRENCIES
from lingraft_operator.jobs.rayjob import MOST_ATTEMPTS, NoRoomError
from lingraft_operator.status.texts import MESSAGE_BYTES, json_bytes

OBJECT_BYTES = 1_450_000
"""Of a resource with its status: etcd takes 1.5 MiB, labels and annotations may grow."""
REASON, HOLDER, PHASE, LINE, SAID, URL = 80, 110, 80, 300, MESSAGE_BYTES, 250
"""Bytes of texts: what trainers, KubeRay and tenants wrote is cut to these."""
CHARGES_FROM = 1000
"""Bytes of messages from which on there is room for what each attempt was charged."""
LOGS_FROM = 100
"""Bytes of messages from which on there is room for the URI of each stage's log."""
WARNINGS, ROWS_PER_TASK = 40, 4
LONGEST_RAYJOB = 47
FEW_STAGES, FEW_BYTES = 20, 200_000
"""Of these all is kept, without a sum: it comes to less than half."""
PUBLISHED = {
    "uri": URL, "version": HOLDER, "as_": 20, "by": 20, "previous": HOLDER,
    "reason": SAID, "asked": SAID, "rollback": SAID,
}  # fmt: skip
"""Bytes of the texts about what is published."""
LATE, LONG = datetime(2026, 12, 31, 23, 59, 59, 999_999, UTC), -1.2345678901234567e-100
"""A time and a number that take as much as any."""


class Room(NamedTuple):
    """What is kept of each stage."""

    attempts: int
    """How many are listed, the newest."""
    said: int
    """Bytes of each message."""


LEVELS = tuple(
    Room(*one)
    for one in (
        *((MOST_ATTEMPTS, 1000), (MOST_ATTEMPTS, 250), (5, 250), (3, 250)),
        *((3, 100), (2, 100), (1, 100), (1, 40)),
    )
)


def room_for(
    pinned: PinnedPlan, spec: LanguageAdaptationSpec, others: int, retry: str = ""
) -> Room | None:
    """The most that can be kept whatever happens; None where not even the least fits.

    Args:
        pinned: The plan.
        spec: Its spec.
        others: Bytes of the object without its status.
        retry: The annotation's value, which stands in the status.
    """
    stages = pinned.plan.stages
    if len(stages) <= FEW_STAGES and len(pinned.content) + others <= FEW_BYTES:
        return LEVELS[0]
    left = OBJECT_BYTES - others - json_bytes(_beside_stages(pinned, spec, retry).to_json())
    longest, log = max((len(one.name) for one in stages), default=0), log_bytes(pinned)
    taken = ((one, len(stages) * stage_bytes(one, longest, log)) for one in LEVELS)
    return next((one for one, most in taken if most <= left), None)


def check_room(pinned: PinnedPlan, spec: LanguageAdaptationSpec, others: int, retry: str) -> None:
    """Refuse a plan whose status might one day not fit.

    Raises:
        NoRoomError: What to do about it.
    """
    if room_for(pinned, spec, others, retry) is None:
        raise NoRoomError(
            f"the status of {len(pinned.plan.stages)} stages might take more than the "
            f"{OBJECT_BYTES:,} bytes that Kubernetes keeps of a resource: divide the tasks, or "
            "their seeds, among several resources of the same store, which share everything else",
            where="spec.tasks",
        )


def log_bytes(pinned: PinnedPlan) -> int:
    """The most that the URI of a stage's log takes."""
    return json_bytes(log_uri(pinned.plan.store, f"pretrain/{'d' * 64}", "h" * HOLDER))


@lru_cache(maxsize=256)
def stage_bytes(room: Room, longest: int, log: int = 0) -> int:
    """The most that a stage takes, whose name has so many characters, and its log's URI `log`."""
    ended = Attempt(
        number=10**6,
        ray_job="j" * LONGEST_RAYJOB,
        uid="u" * 36,
        holder="h" * HOLDER,
        micro_batch_tokens=10**6,
        started_at=LATE,
        ended_at=LATE,
        step=10**9,
        failure_class="infrastructure",
        reason="r" * REASON,
        message="m" * room.said,
        counted=False,
        seconds=-LONG if room.said >= CHARGES_FROM else None,
        flops=-LONG if room.said >= CHARGES_FROM else None,
    )
    # What runs has more fields of its own, and an attempt that says nothing yet.
    stage = StageStatus(
        name="n" * longest,
        kind="pretrain",
        digest="d" * 64,
        state="Retrying",
        reason="r" * REASON,
        message="m" * room.said,
        ray_job="j" * LONGEST_RAYJOB,
        not_before=LATE,
        log="l" * log if room.said >= LOGS_FROM else None,
        attempts=(ended,) * room.attempts,
        former_attempts=FormerAttempts(
            count=10**6, failed=20, resource=20, outside=10**6, step=10**9, micro_batch_tokens=10**6
        ),
    )
    return json_bytes(stage.model_dump(mode="json", by_alias=True)) + 1  # a comma


def _beside_stages(
    pinned: PinnedPlan, spec: LanguageAdaptationSpec, retry: str
) -> LanguageAdaptationStatus:
    """The largest status there may be, without its stages."""
    conditions = tuple(
        Condition(
            type=one,
            status="Unknown",
            reason="r" * REASON,
            message="m" * SAID,
            observed_generation=10**9,
            last_transition_time=LATE,
        )
        for one in get_args(ConditionType)
    )
    row = Evaluation(
        task="t" * 40,
        metric="m" * 20,
        value=LONG,
        stderr=LONG,
        source=LONG,
        untouched=LONG,
        majority=LONG,
        labels="l" * LINE,
        gate=LONG,
        passed=False,
        reason="r" * LINE,
    )
    refresh = RefreshStatus(
        schedule="s" * LINE,
        since=LATE,
        next_schedule_time=LATE,
        last_schedule_time=LATE,
        last_successful_time=LATE,
        retry_time=LATE,
        asked="a" * SAID,
        found="f" * SAID,
        reason="r" * REASON,
    )
    money = Money(amount=-LONG, currency="USD")
    budget = BudgetStatus(
        spent=Spent(flops=-LONG, device_hours=-LONG, cost=(money,) * MOST_CURRENCIES),
        left=Left(flops=-LONG, device_hours=-LONG, cost=money),
        used="u" * LINE,
    )
    return LanguageAdaptationStatus(
        observed_generation=10**9,
        phase="Suspended",
        progress="p" * LINE,
        heals=True,
        conditions=conditions,
        plan=pinned,
        refresh=refresh,
        budget=budget,
        last_ready=("f" * 80,) * 4,
        artifacts=longest_artifacts(pinned, spec),
        published=PublishedStatus.model_validate(
            {one: "p" * most for one, most in PUBLISHED.items()} | {"since": LATE}
        ),
        evaluation=(row,) * (ROWS_PER_TASK * len(spec.tasks)),
        heldout=HeldOut(
            bits_per_byte=LONG,
            start=LONG,
            untouched=LONG,
            unknown_rate=LONG,
            tokens_per_word=LONG,
            tokens_per_word_untouched=LONG,
        ),
        warnings=("w" * LINE,) * WARNINGS,
        compute=ComputeStatus(
            saved_per_step="s" * LINE,
            embed_flops=LONG,
            standard_flops=LONG,
            one_time_flops=LONG,
            languages_to_pay=10**9,
            verdict="v" * SAID,
            device_seconds=LONG,
            own_device_seconds=LONG,
            price="p" * LINE,
        ),
        retry=retry,
    )


def longest_artifacts(pinned: PinnedPlan, spec: LanguageAdaptationSpec) -> Artifacts:
    """Artifacts whose URIs are as long as those of any holder of ours."""
    folder = f"{pinned.plan.store}/corpus/{'d' * 64}/{'h' * HOLDER}/files/"
    tuned = [f"{t.name}-{seed}" for t in spec.tasks for seed in range(t.seeds) if t.train]
    return Artifacts(
        tokenizer=f"{folder}tokenizer/",
        embeddings=f"{folder}embeddings.safetensors",
        model=f"{folder}model/",
        task_models={name: f"{folder}tasks/{name}/" for name in tuned} or None,
        evaluation=f"{folder}evaluation.json",
    )
