"""Specs that are wrong, and the sentence that says so: pydantic's and the API server's alike."""

from typing import Any

from lingraft.schedule import NO_SCHEDULE
from tests.support.specs import task

Changes = dict[str, Any]
_TEXT = {"text": {"uri": "file:///english"}}

NO_TIMES = [
    "@every 1h",
    "@noon",
    "0 2 * *",
    "0 0 2 * * *",
    "60 2 * * *",
    "0 24 * * *",
    "0 2 * 13 *",
]
NO_TIMES += ["0 2 0 * *", "0 2 L * *", "0 2 * * MON#1", "*/0 * * * *", "0 2 * * *\n", "0 2 W * *"]

REFUSALS: list[tuple[str, str, Changes]] = [
    ("spec.base", "set exactly one of uri and pretrain", {"base": {}}),
    (
        "spec.base",
        "set exactly one of uri and pretrain",
        {"base": {"uri": "file:///base", "pretrain": _TEXT}},
    ),
    (
        "spec.publish",
        "margin is noWorseThan's: set noWorseThan: current",
        {"publish": {"uri": "file:///published", "margin": 0.1}},
    ),
    (
        "spec.tokenizer",
        "set either train or uri, not both",
        {"tokenizer": {"uri": "file:///tokenizer", "train": {}}},
    ),
    (
        "spec.base.pretrain.tokenizer",
        "set either train or uri, not both",
        {
            "base": {
                "pretrain": _TEXT | {"tokenizer": {"uri": "file:///tokenizer", "train": {}}},
            }
        },
    ),
    (
        "spec.base.pretrain.architecture.hiddenSize",
        "hiddenSize must be a multiple of attentionHeads",
        {"base": {"pretrain": _TEXT | {"architecture": {"attentionHeads": 5}}}},
    ),
    (
        "spec.base.pretrain.architecture.hiddenSize",
        "hiddenSize must be a multiple of attentionHeads",
        {"base": {"pretrain": _TEXT | {"architecture": {"hiddenSize": 100}}}},
    ),
    (
        "spec.embeddings.warmupSteps",
        "warmupSteps must be fewer than steps",
        {"embeddings": {"steps": 100, "warmupSteps": 100}},
    ),
    (
        "spec.mini.warmupSteps",
        "warmupSteps must be fewer than steps",
        {"mini": {"steps": 5, "warmupSteps": 6}},
    ),
    (
        "spec.base.pretrain.warmupSteps",
        "warmupSteps must be fewer than steps",
        {"base": {"pretrain": _TEXT | {"steps": 1, "warmupSteps": 1}}},
    ),
    (
        "spec.mini.text",
        "method MiniPost needs mini.text: source-language text for step 1b",
        {"method": "MiniPost", "mini": {}},
    ),
    (
        "spec.mini.text",
        "method MiniPost needs mini.text: source-language text for step 1b",
        {"method": "MiniPost", "mini": {"layers": 4}},
    ),
    (
        "spec.mini.text",
        "embeddings.init aligned needs mini.text: source-language text",
        {"method": "Standard", "embeddings": {"init": "aligned"}},
    ),
    (
        "spec.mini.text",
        "mini.text is not read where mini.steps is 0: leave it out, or fit a bridge on it with "
        "newLayersFrom: Top",
        {"method": "MiniPost", "mini": {"steps": 0, "text": {"uri": "file:///english"}}},
    ),
    (
        "spec.mini.newLayersFrom",
        "mini.newLayersFrom is MiniPost's: MiniJoint adds no layers",
        {"method": "MiniJoint", "mini": {"newLayersFrom": "Top"}},
    ),
    (
        "spec.mini.newLayers",
        "mini.newLayers is MiniPost's: MiniJoint adds no layers",
        {"method": "MiniJoint", "mini": {"newLayers": 1}},
    ),
    (
        "spec.embeddings.calibrate",
        "embeddings.calibrate is Standard's: it fits rows to the full model",
        {"method": "MiniJoint", "embeddings": {"calibrate": True}},
    ),
    ("spec.budget", "set at least one of flops, deviceHours and cost", {"budget": {}}),
    (
        "spec.refresh.schedule",
        "write the time zone in timeZone, not in the schedule",
        {"refresh": {"schedule": "CRON_TZ=Europe/Berlin 0 2 * * *"}},
    ),
    *(("spec.refresh.schedule", NO_SCHEDULE, {"refresh": {"schedule": one}}) for one in NO_TIMES),
    (
        "spec.tasks[0].train",
        "a xnli task needs train (source-language data)",
        {"tasks": [{"name": "a", "format": "xnli", "test": "file:///test"}]},
    ),
    (
        "spec.tasks[0]",
        "retrieval needs no train, dev or sourceTest: nothing is fine-tuned",
        {"tasks": [task(format="retrieval")]},
    ),
    (
        "spec.tasks[0]",
        "multiblimp needs no train or dev: nothing is fine-tuned",
        {"tasks": [task(format="multiblimp")]},
    ),
    (
        "spec.tasks[0].dev",
        "dev picks the best epoch of training: give train too",
        {"tasks": [{"name": "a", "format": "xcopa", "test": "file:///t", "dev": "file:///d"}]},
    ),
    (
        "spec.tasks[0].columns",
        "columns of a pairs task that can be renamed: text, textPair, label, group",
        {"tasks": [task(format="pairs", columns={"text": "premise", "context": "b"})]},
    ),
    (
        "spec.tasks[0].columns",
        "columns of a xnli task that can be renamed: none",
        {"tasks": [task(columns={"label": "gold"})]},
    ),
    (
        "spec.tasks[0].labels",
        "labels are for classification, pairs, ner and pos tasks",
        {"tasks": [task(labels=["no", "yes"])]},
    ),
    (
        "spec.tasks[1].gate.metric",
        "gate.metric is accuracy; a squad task has exactMatch, f1",
        {
            "tasks": [
                task("a"),
                task("b", format="squad", gate={"metric": "accuracy", "min": 0.5}),
            ]
        },
    ),
    (
        "spec.tasks[0].gate.metric",
        "gate.metric is accuracy; a ner task has f1, precision, recall",
        {"tasks": [task(format="ner", gate={"metric": "accuracy", "min": 0.5})]},
    ),
    (
        "spec.tasks[0].gate.metric",
        "gate.metric is accuracy; a instruction task has none",
        {"tasks": [task(format="instruction", gate={"metric": "accuracy", "min": 0.5})]},
    ),
    (
        "spec.tasks[0].columns",
        "columns of a pos task that can be renamed: tokens, tags, group",
        {"tasks": [task(format="pos", columns={"tags": "upos", "label": "b"})]},
    ),
    (
        "spec.tasks[0].gate.metric",
        "gate.metric is macroF1; a retrieval task has accuracy",
        {
            "tasks": [
                {
                    "name": "a",
                    "format": "retrieval",
                    "test": "file:///test",
                    "gate": {"metric": "macroF1", "min": 0.5},
                }
            ]
        },
    ),
]
"""Field at fault as Kubernetes names it, sentence, changes of `tests.support.specs.spec_of`."""
