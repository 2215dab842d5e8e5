"""From a stage's parameters and inputs back to the fields of the spec that they come from."""

from lingraft.plan.model import Plan, PlannedStage

_OWN = "training.seed"
"""A seed that is fixed, so that languages can share the stage; step 2's is the user's."""

_PARAMS: dict[str, dict[str, str]] = {
    "corpus": {
        "language": "language",
        "textField": "corpus.textField",
        "sequenceLength": "embeddings.sequenceLength",
        "tokenizer.source": "tokenizer",
        "tokenizer.train": "tokenizer.train.type",
        "tokenizer.vocabSize": "tokenizer.train.vocabSize",
    },
    "source-corpus": {
        "textField": "base.pretrain.text.textField",
        "sequenceLength": "base.pretrain.sequenceLength",
        "tokenizer.source": "base.pretrain.tokenizer",
        "tokenizer.train": "base.pretrain.tokenizer.train.type",
        "tokenizer.vocabSize": "base.pretrain.tokenizer.train.vocabSize",
    },
    "mini-corpus": {
        "textField": "mini.text.textField",
        "sequenceLength": "mini.sequenceLength",
    },
    "pretrain": {
        "jointLayers": "base.pretrain.jointLayers",
        "training.*": "base.pretrain.*",
        "*": "base.pretrain.architecture.*",
    },
    "mini": {
        "method": "method",
        "training.*": "mini.*",
        "bridge.maskProbability": "mini.maskProbability",
        "bridge.*": "mini.text",
        "*": "mini.*",
    },
    "embed": {
        "method": "method",
        _OWN: "seed",
        "training.*": "embeddings.*",
        "*": "embeddings.*",
    },
    "finetune": {"sourceLanguage": "sourceLanguage", "*": "{task}.*"},
    "publish": {
        "language": "language",
        "as": "publish.as",
        "gates*": "tasks",
        "*": "publish.*",
    },
    "graft": {
        "language": "language",
        "sourceLanguage": "sourceLanguage",
        "method": "method",
        "init": "embeddings.init",
        "calibrate": "embeddings.calibrate",
        "generation*": "generation*",
        "seed": "seed",
    },
}
"""By stage: its parameter (or what begins so) and the field below `spec`."""

_SOURCES: dict[str, dict[str, str]] = {
    "corpus": {"text": "corpus.uri", "tokenizer": "tokenizer.uri"},
    "source-corpus": {"text": "base.pretrain.text.uri", "tokenizer": "base.pretrain.tokenizer.uri"},
    "mini-corpus": {"text": "mini.text.uri"},
    "finetune": {"train": "{task}.train", "dev": "{task}.dev"},
}
_FIXED = {"heldoutShare", "keepUnseen", "answerEnd"}


def field_of_param(plan: Plan, planned: PlannedStage, path: str) -> str | None:
    """The field that a parameter comes from; None if the user has no say in it."""
    group = _group(planned)
    own = path in (_OWN, "seed") and group not in ("embed", "graft")
    if path in _FIXED or own:
        return None
    if task := task_in(path):
        return f"{_place(plan, task)}{path.partition(']')[2]}"
    return _spelled(plan, planned, _PARAMS[group], path)


def field_of_source(plan: Plan, planned: PlannedStage, name: str) -> str | None:
    """The field that names an external input of a stage."""
    if name in ("base", "model"):
        return "spec.base.uri"
    if task := task_of_input(name):
        field = "sourceTest" if name.startswith("source_test:") else "test"
        return f"{_place(plan, task)}.{field}"
    return _spelled(plan, planned, _SOURCES.get(_group(planned), {}), name)


def task_in(path: str) -> str:
    """The task that a parameter of a graft is of; empty where it is of none."""
    return path.removeprefix("tasks[").partition("]")[0] if path.startswith("tasks[") else ""


def task_of_input(name: str) -> str:
    """The task that an input of a graft is of (`test:xnli`); empty where it is of none."""
    return name.split(":")[1] if ":" in name else ""


def _spelled(plan: Plan, planned: PlannedStage, fields: dict[str, str], path: str) -> str | None:
    for known, field in fields.items():
        start = known.removesuffix("*")
        if path == known or (known.endswith("*") and path.startswith(start)):
            place = f"spec.{field}".replace("*", path.removeprefix(start))
            # finetune-<task>-<seed>
            task = planned.name.removeprefix("finetune-").rpartition("-")[0]
            return place.replace("spec.{task}", _place(plan, task)) if "{" in place else place
    return None


def _place(plan: Plan, task: str) -> str:
    names = [one["name"] for one in plan["graft"].stage.params["tasks"]]
    return f"spec.tasks[{names.index(task)}]"


def _group(planned: PlannedStage) -> str:
    """Name of a stage without its task and seed."""
    return "finetune" if planned.stage.kind == "finetune" else planned.name
