"""CEL rules of the CRD: what the models' validators say, in the same words, for the API server.

Plain bounds need no rule, they stand in the schema. What depends on the base's shape is known
only once it is read: the plan judges that, and the operator reports it.
"""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from lingraft.hub.names import MODEL, SPELLED
from lingraft.resource import LanguageAdaptationSpec
from lingraft.resource.budget import ONE_UNIT, Budget
from lingraft.resource.formats import FORMATS, NAMED, columns_of, listed, metrics_of
from lingraft.resource.publish import Publish
from lingraft.resource.refresh import Refresh
from lingraft.resource.steps import Architecture, Base, Embeddings, Mini, Pretrain, Tokenizer
from lingraft.resource.tasks import Task
from lingraft.schedule import NO_SCHEDULE, NO_ZONE, SCHEDULE

Reason = Literal["FieldValueRequired", "FieldValueForbidden"]


@dataclass(frozen=True)
class Rule:
    """One entry of `x-kubernetes-validations`.

    Attributes:
        cel: What must hold; `self` is the object that the rule stands at.
        message: What to do about it, in the words of the models' validators.
        field: Path of the field at fault, below the object; empty: the object itself.
        expression: CEL for a message that names values; `message` is the fallback.
    """

    cel: str
    message: str
    field: str = ""
    reason: Reason = "FieldValueForbidden"
    expression: str = ""

    def to_json(self) -> dict[str, Any]:
        """The entry as the CRD has it."""
        entry = {"rule": self.cel, "message": self.message, "reason": self.reason}
        if self.field:
            entry["fieldPath"] = self.field
        if self.expression:
            entry["messageExpression"] = self.expression
        return entry


_ON_S3 = "self.matches('^s3://[A-Za-z0-9][A-Za-z0-9._-]{1,62}(/|$)')"
_NOT_HERE = "file:// works on one machine only"
S3_ONLY = Rule(
    _ON_S3, f"on a cluster write s3://bucket/key: {_NOT_HERE}, and hf:// for models only"
)
"""Stands at every URI of data and of stores."""
S3_OR_HUB = Rule(
    f"{_ON_S3} || self.matches('^{MODEL}$')",
    f"on a cluster write s3://bucket/key, or a model of the Hub as {SPELLED}: {_NOT_HERE}",
)
"""Stands at every URI of a model. Whether there is a mirror of the Hub, the operator says."""


def _default(model: type[BaseModel], field: str) -> str:
    """CEL for a number that may be absent: the CRD has no defaults, the models have."""
    info = model.model_fields[field]
    name = f"self.{info.alias}"
    return f"(has({name}) ? {name} : {info.default})"


def _metrics() -> str:
    """CEL for the metrics of the task's format, as `'accuracy, f1'`."""
    pairs = (f"'{one}': '{', '.join(metrics_of(one)) or 'none'}'" for one in FORMATS)
    return f"{{{', '.join(pairs)}}}[self.format]"


def _formats(trains: str) -> list[str]:
    """Formats by whether a model is fine-tuned for them (`Kind.trains`)."""
    return [name for name, one in FORMATS.items() if one.of_kind.trains == trains]


def _columns() -> str:
    """CEL for: every column that is named is one of the task's format."""
    formats: dict[str, list[str]] = {}
    for form, one in FORMATS.items():
        for name in one.columns:
            formats.setdefault(name, []).append(form)
    return " && ".join(
        f"(!has(self.columns.{name}) || self.format in {found})" for name, found in formats.items()
    )


def _columns_of() -> str:
    """CEL for the columns of the task's format that can be renamed."""
    pairs = (f"'{one}': '{columns_of(one)}'" for one in FORMATS)
    return f"{{{', '.join(pairs)}}}[self.format]"


_WARMUP = Rule(
    "!has(self.steps) || !has(self.warmupSteps) || self.warmupSteps < self.steps",
    "warmupSteps must be fewer than steps",
    ".warmupSteps",
)

_METHOD = "(has(self.method) ? self.method : 'Auto')"
_NO_STEPS = "has(self.mini.steps) && self.mini.steps == 0"

RULES: dict[type[BaseModel], list[Rule]] = {
    LanguageAdaptationSpec: [
        Rule(
            "self.language == oldSelf.language",
            "language is immutable: make another LanguageAdaptation for another language",
            ".language",
        ),
        Rule(
            f"{_METHOD} != 'MiniPost' || (has(self.mini) && ({_NO_STEPS} || has(self.mini.text)))",
            "method MiniPost needs mini.text: source-language text for step 1b",
            ".mini.text",
            "FieldValueRequired",
        ),
        Rule(
            f"{_METHOD} != 'MiniPost' || !has(self.mini) || !has(self.mini.text)"
            f" || !({_NO_STEPS})"
            " || (has(self.mini.newLayersFrom) && self.mini.newLayersFrom == 'Top')",
            "mini.text is not read where mini.steps is 0: leave it out, or fit a bridge on it with "
            "newLayersFrom: Top",
            ".mini.text",
        ),
        Rule(
            f"{_METHOD} != 'MiniJoint' || !has(self.mini) || !has(self.mini.newLayersFrom)"
            " || self.mini.newLayersFrom == 'Next'",
            "mini.newLayersFrom is MiniPost's: MiniJoint adds no layers",
            ".mini.newLayersFrom",
        ),
        Rule(
            f"{_METHOD} != 'MiniJoint' || !has(self.mini) || !has(self.mini.newLayers)"
            " || self.mini.newLayers == 0",
            "mini.newLayers is MiniPost's: MiniJoint adds no layers",
            ".mini.newLayers",
        ),
        Rule(
            f"{_METHOD} in ['Auto', 'Standard'] || !has(self.embeddings)"
            " || !has(self.embeddings.calibrate) || !self.embeddings.calibrate",
            "embeddings.calibrate is Standard's: it fits rows to the full model",
            ".embeddings.calibrate",
        ),
        Rule(
            "!has(self.embeddings) || !has(self.embeddings.init)"
            " || self.embeddings.init != 'aligned' || has(self.base.pretrain)"
            " || (has(self.mini) && has(self.mini.text))",
            "embeddings.init aligned needs mini.text: source-language text",
            ".mini.text",
            "FieldValueRequired",
        ),
    ],
    Base: [Rule("has(self.uri) != has(self.pretrain)", "set exactly one of uri and pretrain")],
    Tokenizer: [
        Rule("!(has(self.train) && has(self.uri))", "set either train or uri, not both"),
    ],
    Budget: [
        Rule(
            "has(self.flops) || has(self.deviceHours) || has(self.cost)",
            ONE_UNIT,
            reason="FieldValueRequired",
        )
    ],
    Refresh: [
        Rule("!self.schedule.contains('TZ')", NO_ZONE, ".schedule"),
        Rule(
            f"self.schedule.contains('TZ') || self.schedule.matches(r'{SCHEDULE}')",
            NO_SCHEDULE,
            ".schedule",
        ),
    ],
    Pretrain: [_WARMUP],
    Mini: [_WARMUP],
    Embeddings: [_WARMUP],
    Architecture: [
        Rule(
            f"{_default(Architecture, 'hidden_size')}"
            f" % {_default(Architecture, 'attention_heads')} == 0",
            "hiddenSize must be a multiple of attentionHeads",
            ".hiddenSize",
        ),
    ],
    Task: [
        Rule(
            f"!has(self.gate) || self.gate.metric in {_metrics()}.split(', ')",
            "gate.metric does not fit the task's format",
            ".gate.metric",
            expression=f"'gate.metric is ' + self.gate.metric + '; a ' + self.format"
            f" + ' task has ' + {_metrics()}",
        ),
        Rule(
            f"!has(self.columns) || ({_columns()})",
            "columns that the task's format does not have",
            ".columns",
            expression="'columns of a ' + self.format + ' task that can be renamed: '"
            f" + {_columns_of()}",
        ),
        Rule(
            f"!has(self.labels) || self.format in {list(NAMED)}",
            f"labels are for {listed(NAMED)} tasks",
            ".labels",
        ),
        Rule(
            "self.format != 'retrieval'"
            " || !(has(self.train) || has(self.dev) || has(self.sourceTest))",
            "retrieval needs no train, dev or sourceTest: nothing is fine-tuned",
        ),
        Rule(
            f"self.format == 'retrieval' || !(self.format in {_formats('never')})"
            " || !(has(self.train) || has(self.dev))",
            "needs no train or dev: nothing is fine-tuned",
            expression="self.format + ' needs no train or dev: nothing is fine-tuned'",
        ),
        Rule(
            f"!(self.format in {_formats('masked')}) || !has(self.dev) || has(self.train)",
            "dev picks the best epoch of training: give train too",
            ".dev",
        ),
        Rule(
            f"!(self.format in {_formats('always')}) || has(self.train)",
            "a task needs train (source-language data)",
            ".train",
            "FieldValueRequired",
            "'a ' + self.format + ' task needs train (source-language data)'",
        ),
    ],
    Publish: [
        Rule(
            "!has(self.margin) || self.margin == 0.0 || has(self.noWorseThan)",
            "margin is noWorseThan's: set noWorseThan: current",
        ),
    ],
}
"""By model: a rule stands wherever the model does."""
