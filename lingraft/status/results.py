"""The part of the status that says what came out, what it must be compared with, and its cost."""

from datetime import datetime

from pydantic import Field

from lingraft.status.model import StatusModel


class Artifacts(StatusModel):
    """URIs of what came out."""

    embeddings: str | None = Field(
        default=None, description="URI of the target language's token embeddings."
    )
    tokenizer: str | None = Field(default=None, description="URI of the target tokenizer.")
    pack: str | None = Field(
        default=None,
        description="URI of the language pack: with it in place the base, and every task model of "
        "it, reads the new language.",
    )
    fine_tuned: dict[str, str] | None = Field(
        default=None,
        description="URIs of the task models that the pack goes into, by task and seed; fine-tuned "
        "in the source language.",
    )
    model: str | None = Field(
        default=None,
        description="URI of the full model in the new language, a checkpoint. Of adaptations that "
        "were planned before there were packs.",
    )
    task_models: dict[str, str] | None = Field(
        default=None,
        description="URIs of the task models in the new language, by task and seed. Of adaptations "
        "that were planned before there were packs.",
    )
    evaluation: str | None = Field(
        default=None, description="URI of evaluation.json with all scores."
    )


class PublishedStatus(StatusModel):
    """What readers of spec.publish.uri get, as current.json there says."""

    uri: str = Field(description="spec.publish.uri; empty where there is none.")
    version: str | None = Field(
        default=None, description="The folder below it that readers follow: the current version."
    )
    as_: str = Field(alias="as", description="pack or model; empty where nothing is.")
    since: datetime | None = Field(default=None, description="When it became the current version.")
    by: str = Field(default="", description="How it became that: publish or rollback.")
    previous: str | None = Field(
        default=None, description="The version that was current before it."
    )
    reason: str = Field(
        default="", description="Why what was computed last is not the current version."
    )
    asked: str = Field(
        default="", description="Value of the annotation lingraft.dev/rollback that was obeyed."
    )
    rollback: str = Field(default="", description="How that went, in a sentence.")


class Evaluation(StatusModel):
    """Zero-shot score of one task and metric in the new language."""

    task: str = Field(description="Name of the task in spec.tasks.")
    metric: str = Field(description="What was measured: accuracy, macroF1, exactMatch or f1.")
    value: float = Field(description="Mean over the task's seeds, 0 to 1.")
    stderr: float | None = Field(default=None, description="Standard error of that mean.")
    source: float | None = Field(
        default=None, description="The same in the source language, if sourceTest is given."
    )
    untouched: float | None = Field(
        default=None,
        description="The same of the source model that never saw the language: the floor.",
    )
    majority: float | None = Field(
        default=None, description="The same of the most frequent label for all."
    )
    labels: str = Field(
        default="",
        description="How often each label is right, was given and was trained on, for people.",
    )
    gate: float | None = Field(default=None, description="The gate's minimum, if it has one.")
    passed: bool | None = Field(default=None, description="Whether the gate is passed.")
    reason: str = Field(default="", description="Why the gate is not passed, in a sentence.")


class HeldOut(StatusModel):
    """Language-model score of held-out text in the new language, through the full model."""

    bits_per_byte: float = Field(description="Bits per byte of text after step 2; less is better.")
    start: float | None = Field(default=None, description="The same before step 2.")
    untouched: float | None = Field(
        default=None, description="The same of the base with its own tokenizer."
    )
    unknown_rate: float | None = Field(
        default=None, description="Share of its tokens that are unknown, 0 to 1."
    )
    tokens_per_word: float | None = Field(
        default=None,
        description="Tokens of a word of it, by the new tokenizer; absent where a script has no "
        "spaces.",
    )
    tokens_per_word_untouched: float | None = Field(
        default=None, description="The same by the base's own tokenizer."
    )


class ComputeStatus(StatusModel):
    """What it cost. FLOPs are computed by formula; device-seconds are measured."""

    saved_per_step: str | None = Field(
        default=None,
        description="FLOPs of one Standard step of learning embeddings over those of one step "
        "here, by formula: compute saved per step, not a speed-up, which only a measurement to "
        "equal quality shows.",
    )
    embed_flops: float | None = Field(
        default=None, description="FLOPs of learning the embeddings, by formula."
    )
    standard_flops: float | None = Field(
        default=None, description="FLOPs of the same steps through the full model, by formula."
    )
    one_time_flops: float | None = Field(
        default=None,
        description="FLOPs spent once for the base so that step 2 is cheaper, by formula: step "
        "1b, or the second head of a base that is pretrained here.",
    )
    languages_to_pay: int | None = Field(
        default=None,
        ge=0,
        description="Languages with as much text after which the one-time FLOPs have paid; absent "
        "if they never do.",
    )
    verdict: str = Field(default="", description="Whether it pays, in a sentence.")
    device_seconds: float | None = Field(
        default=None,
        description="Of all stages, measured: GPU-seconds, or core-seconds without GPUs.",
    )
    own_device_seconds: float | None = Field(
        default=None, description="The same without the stages that others had done already."
    )
    price: str | None = Field(
        default=None,
        description="Price of the own stages, where their pool has one: hours of its workers "
        "times it.",
    )
