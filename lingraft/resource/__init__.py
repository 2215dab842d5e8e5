"""The `LanguageAdaptation` resource: what a user writes, with every field's meaning and default.

The same models check a file on one machine (`lingraft validate`) and generate the CRD: docstrings
and descriptions here are what `kubectl explain` says. It adds the default where it is a constant.
A field without a default is one that only the user can know.
"""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lingraft.pools import Pools
from lingraft.resource.budget import Budget
from lingraft.resource.fields import Model, Uri
from lingraft.resource.publish import Publish
from lingraft.resource.refresh import Refresh
from lingraft.resource.steps import Base, Embeddings, Mini, Text, Tokenizer
from lingraft.resource.tasks import Generation, Task

API_VERSION = "lingraft.dev/v1alpha1"
KIND = "LanguageAdaptation"

Method = Literal["Standard", "MiniJoint", "MiniPost"]
"""The paper's methods, one of which every plan has."""


class Store(Model):
    """Where artifacts live."""

    uri: Uri = Field(
        description="A bucket, or a folder in one; {namespace} stands for the resource's."
    )
    credentials_secret: str | None = Field(
        default=None,
        min_length=1,
        max_length=253,
        description="Secret of the same namespace whose keys become environment variables of the "
        "Ray pods: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY. Unused on one machine.",
    )


class Retry(Model):
    """How often a stage is tried when the infrastructure, not the input, was at fault."""

    max_attempts: int = Field(
        default=3,
        ge=1,
        le=20,
        description="Attempts at one stage; one that is preempted after it made progress is not "
        "counted.",
    )
    backoff_seconds: int = Field(
        default=30,
        ge=0,
        le=3600,
        description="Seconds before the second attempt; doubled for each further one, up to 600.",
    )


class LanguageAdaptationSpec(Model):
    """What to adapt, to which language, how, and where to keep it."""

    language: str = Field(
        pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
        max_length=35,
        description="The new language, a BCP 47 tag such as sw. Immutable.",
    )
    source_language: str = Field(
        default="en",
        pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
        max_length=35,
        description="The language that the base was pretrained in, and of all task files but "
        "test: a BCP 47 tag.",
    )
    base: Base = Field(
        description="The pretrained model to adapt: an existing one (uri), or one pretrained here "
        "(pretrain)."
    )
    method: Literal["Auto", "Standard", "MiniJoint", "MiniPost"] = Field(
        default="Auto",
        description="Standard trains the embeddings through the full model; MiniJoint through the "
        "bottom of a base that was pretrained with a middle head; MiniPost through the bottom of "
        "any base, and new layers on top of it. Auto: what was measured to cost least; for a "
        "masked base MiniPost with newLayersFrom Top, steps 0 and a bridge fitted on mini.text or "
        "base.pretrain.text, from init focus; for a causal one Standard, from init mean.",
    )
    mini: Mini = Field(default_factory=Mini)
    corpus: Text = Field(
        description="Target-language text: .txt, .jsonl, .parquet or .arrow, also compressed."
    )
    tokenizer: Tokenizer = Field(
        default_factory=Tokenizer,
        description="The target language's tokenizer: trained on the corpus, or loaded. Default: "
        "trained.",
    )
    embeddings: Embeddings = Field(default_factory=Embeddings)
    tasks: list[Task] = Field(
        default_factory=list[Task],
        max_length=32,
        description="Tasks to fine-tune in the source language and to evaluate in the new one. "
        "Default: none; the loss on held-out text is always measured.",
    )
    generation: Generation | None = Field(
        default=None,
        description="Of a causal base: texts that the base and the graft continue, shown in the "
        "report. Default: beginnings of held-out documents.",
    )
    store: Store | None = Field(
        default=None, description="Where artifacts go. Default: the operator's store."
    )
    publish: Publish | None = Field(
        default=None,
        description="Where the result is published once all gates are passed. Default: nowhere.",
    )
    seed: int = Field(
        default=0,
        ge=0,
        lt=2**31,
        description="Random seed of the embeddings' training; what languages share has its own.",
    )
    suspend: bool = Field(
        default=False,
        description="While true nothing is started, and what runs is stopped; it resumes from its "
        "last checkpoint.",
    )
    budget: Budget | None = Field(
        default=None, description="What all attempts together may spend. Default: no limit."
    )
    refresh: Refresh | None = Field(
        default=None,
        description="When all sources are looked up anew. Default: never, but for a new value of "
        "the annotation lingraft.dev/refresh. Unused on one machine, where every run looks.",
    )
    queue: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",
        max_length=63,
        description="Kueue LocalQueue of the RayJobs. Default: none, no Kueue.",
    )
    retry: Retry = Field(
        default_factory=Retry,
        description="How often a stage is tried when the infrastructure was at fault.",
    )
    pools: Pools = Field(
        default_factory=Pools,
        description="The nodes that stages run on: overrides, field by field, of the operator's "
        "pools.",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.method == "MiniPost" and self.mini.steps != 0 and self.mini.text is None:
            raise ValueError("method MiniPost needs mini.text: source-language text for step 1b")
        bridged = self.mini.steps == 0 and self.mini.text is not None
        if self.method == "MiniPost" and bridged and self.mini.new_layers_from == "Next":
            raise ValueError(
                "mini.text is not read where mini.steps is 0: leave it out, or fit a bridge on "
                "it with newLayersFrom: Top"
            )
        if self.method == "MiniJoint" and self.mini.new_layers:
            raise ValueError("mini.newLayers is MiniPost's: MiniJoint adds no layers")
        if self.method == "MiniJoint" and self.mini.new_layers_from != "Next":
            raise ValueError("mini.newLayersFrom is MiniPost's: MiniJoint adds no layers")
        if self.method not in ("Auto", "Standard") and self.embeddings.calibrate:
            raise ValueError("embeddings.calibrate is Standard's: it fits rows to the full model")
        given = self.base.pretrain is not None or self.mini.text is not None
        if self.embeddings.init == "aligned" and not given:
            raise ValueError("embeddings.init aligned needs mini.text: source-language text")
        names = [task.name for task in self.tasks]
        if len(set(names)) < len(names):
            raise ValueError("tasks: names must differ")
        return self


class Metadata(BaseModel):
    """The part of ObjectMeta that is read here; the rest is Kubernetes'."""

    model_config = ConfigDict(extra="allow")

    name: str = Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=253)
    namespace: str = "default"


class LanguageAdaptation(Model):
    """Teach a pretrained language model a new language."""

    api_version: Literal["lingraft.dev/v1alpha1"]
    kind: Literal["LanguageAdaptation"]
    metadata: Metadata
    spec: LanguageAdaptationSpec
    status: dict[str, Any] | None = None
