"""A status with every field, and how the operator writes it."""

from datetime import UTC, datetime
from typing import Any

from lingraft.status import (
    Artifacts,
    Attempt,
    BudgetStatus,
    ComputeStatus,
    Condition,
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
    StageProgress,
    StageStatus,
)
from tests.cluster.bed.api import Api, Object
from tests.cluster.crd.resources import path, resource

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


STATUS = LanguageAdaptationStatus(
    observed_generation=1,
    phase="Running",
    progress="embed 1,200 of 125,000",
    conditions=(
        Condition(
            type="Ready",
            status="False",
            reason="Training",
            message="",
            observed_generation=1,
            last_transition_time=NOW,
        ),
    ),
    stages=(
        StageStatus(
            name="embed",
            kind="embed",
            digest="0" * 64,
            state="Running",
            holder="rayjob-1",
            written_by="models/swahili",
            log="s3://b/embed/0/rayjob-1/log.txt",
            ray_job="embed-0",
            dashboardURL="http://embed-0:8265",
            progress=StageProgress(
                step=1200, steps=125_000, loss=3.5, tokens_per_second=1e5, updated_at=NOW
            ),
            eta=NOW,
            not_before=NOW,
            attempts=(
                Attempt(
                    number=1,
                    ray_job="embed-0",
                    uid="1-2-3",
                    holder="rayjob-1",
                    micro_batch_tokens=16_384,
                    started_at=NOW,
                    ended_at=NOW,
                    step=1000,
                    failure_class="infrastructure",
                    reason="NodeLost",
                    message="the node went",
                    counted=False,
                    seconds=10.5,
                    flops=1e15,
                    paid_until=NOW,
                ),
            ),
            former_attempts=FormerAttempts(
                count=4, failed=1, resource=1, outside=1, step=90, micro_batch_tokens=128
            ),
            device_seconds=12.5,
        ),
    ),
    plan=PinnedPlan(
        generation=1,
        contract=1,
        trainer_image="trainer:1",
        credentials_secret="s3-credentials",
        refresh="x",
        replaced="it could not be read",
        content='{"a": 1e-3}',
    ),
    refresh=RefreshStatus(
        schedule="0 2 * * * Etc/UTC",
        since=NOW,
        next_schedule_time=NOW,
        last_schedule_time=NOW,
        last_successful_time=NOW,
        retry_time=NOW,
        asked="x",
        found="looked up: nothing changed",
        reason="StoreUnavailable",
    ),
    last_ready=("corpus/1", "embed/2", "graft/3"),
    budget=BudgetStatus(
        spent=Spent(flops=1e18, device_hours=2.5, cost=(Money(amount=7.5, currency="USD"),)),
        left=Left(flops=0, device_hours=1.5, cost=Money(amount=2.5, currency="USD")),
        used="100%",
    ),
    artifacts=Artifacts(
        embeddings="s3://b/e",
        tokenizer="s3://b/t",
        pack="s3://b/p",
        fine_tuned={"xnli-0": "s3://b/f"},
        model="s3://b/m",
        task_models={"xnli/0": "s3://b/x"},
        evaluation="s3://b/evaluation.json",
    ),
    published=PublishedStatus(
        uri="s3://b/published",
        version="1",
        **{"as": "pack"},
        since=NOW,
        by="rollback",
        previous="2",
        reason="it missed a gate",
        asked="1",
        rollback="1 holds since then",
    ),
    evaluation=(
        Evaluation(
            task="xnli",
            metric="accuracy",
            value=0.6,
            stderr=0,
            source=0.8,
            untouched=0.4,
            majority=0.33,
            labels="right: yes 3",
            gate=0.62,
            passed=False,
            reason="0.600 < 0.620",
        ),
    ),
    compute=ComputeStatus(
        saved_per_step="2.5x",
        embed_flops=1e21,
        standard_flops=2.5e21,
        one_time_flops=3e21,
        languages_to_pay=2,
        verdict="it pays after 2 languages",
        device_seconds=1,
        own_device_seconds=0.5,
        price="1.20 USD",
    ),
    heldout=HeldOut(
        bits_per_byte=1.2,
        start=3.0,
        untouched=2.5,
        unknown_rate=0.01,
        tokens_per_word=1.5,
        tokens_per_word_untouched=2.3,
    ),
    warnings=("look at this",),
    retry="again",
)


def write_status(api: Api, namespace: str, status: LanguageAdaptationStatus) -> Object:
    """By server-side apply, as the operator does."""
    body = {k: v for k, v in resource({}).items() if k != "spec"} | {"status": status.to_json()}
    query: Any = {"fieldManager": "lingraft", "force": "true", "fieldValidation": "Strict"}
    place = path(namespace, "swahili") + "/status"
    return api.request("PATCH", place, body, content_type="application/apply-patch+yaml", **query)
