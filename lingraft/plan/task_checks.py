"""What can only be judged of tasks once the base's shape is known: does it do such tasks?"""

from lingraft import resource
from lingraft.architecture import Shape
from lingraft.errors import UserError
from lingraft.plan.defaults import by_likelihood, reads_beyond_rows, sequence_length
from lingraft.resource.formats import FORMATS, LIKELIHOOD
from lingraft.resource.tasks import Generation, Task

CAUSAL_KINDS = ("classification", "pairs", "choice", "minimal-pairs", "instruction")
"""Of tasks that causal bases have: fine-tuned for, or by log-likelihood."""
ONLY_CAUSAL = {
    "minimal-pairs": "minimal pairs are told apart by a causal base",
    "instruction": "instructions are answered by a causal base",
}


def check_tasks(spec: resource.LanguageAdaptationSpec, shape: Shape) -> None:
    """Refuse tasks that do not fit the base.

    Raises:
        UserError: The field at fault, and what to do about it.
    """
    rows = sequence_length(spec.embeddings, shape)
    if spec.generation is not None:
        _check_generation(spec.generation, shape)
    for i, task in enumerate(spec.tasks):
        field = f"spec.tasks[{i}]"
        _check_names(task, field)
        _check_objective(task, field, shape)
        _check_class(task, field, shape)
        _check_length(task, field, shape, rows)


def _check_generation(asked: Generation, shape: Shape) -> None:
    if not shape.family.causal:
        raise UserError(
            f"the base is masked ({shape.model_type}) and continues no text: leave it out",
            where="spec.generation",
        )
    if asked.max_new_tokens >= shape.positions:
        raise UserError(
            f"is {asked.max_new_tokens}, and the base has {shape.positions} positions: lower it",
            where="spec.generation.maxNewTokens",
        )


def _check_objective(task: Task, field: str, shape: Shape) -> None:
    """A causal base and a masked one have other tasks, and do some of them otherwise."""
    kind, causal = FORMATS[task.format].kind, shape.family.causal
    if causal and kind not in CAUSAL_KINDS:
        raise UserError(
            f"a causal base ({shape.model_type}) classifies texts and pairs of texts, answers "
            "instructions, and chooses by log-likelihood: leave the task out, or give a masked "
            "base",
            where=f"{field}.format",
        )
    if causal and by_likelihood(task, shape) and task.train is not None:
        raise UserError(
            f"a causal base ({shape.model_type}) chooses by log-likelihood, and nothing is trained "
            "for it: leave train and dev out",
            where=f"{field}.train",
        )
    if causal:
        return
    if kind in ONLY_CAUSAL:
        raise UserError(
            f"{ONLY_CAUSAL[kind]}, and this one is masked ({shape.model_type}): leave the task out",
            where=f"{field}.format",
        )
    if kind == "choice" and task.train is None:
        raise UserError(
            f"a masked base ({shape.model_type}) is fine-tuned to choose: give source-language "
            "data to train on",
            where=f"{field}.train",
        )
    if task.gate is not None and task.gate.metric in LIKELIHOOD[1:]:
        raise UserError(
            f"{task.gate.metric} is of log-likelihoods, which a masked base ({shape.model_type}) "
            "has none of: write accuracy",
            where=f"{field}.gate.metric",
        )


def _check_class(task: Task, field: str, shape: Shape) -> None:
    """What is fine-tuned needs a class of transformers'."""
    kind = FORMATS[task.format].kind
    what = ""
    if kind == "qa" and not shape.family.answers:
        what = "that answers questions"
    elif kind == "choice" and not shape.family.causal and not shape.family.chooses:
        what = "for multiple choice"
    if what:
        raise UserError(
            f"transformers has no model of the family {shape.model_type} {what}: leave the task "
            "out, or give another base",
            where=f"{field}.format",
        )


def _check_length(task: Task, field: str, shape: Shape, rows: int) -> None:
    if task.max_length is None:
        return
    if reads_beyond_rows(task, shape):
        if task.max_length > shape.positions:
            raise UserError(
                f"is {task.max_length}, more than the base's {shape.positions} positions: shorten "
                "it",
                where=f"{field}.maxLength",
            )
    elif task.max_length > rows:
        raise UserError(
            f"is {task.max_length}, longer than the {rows} tokens the embeddings are trained "
            "at: positions would be met there first; shorten it or raise "
            "embeddings.sequenceLength",
            where=f"{field}.maxLength",
        )


def _check_names(task: Task, field: str) -> None:
    """Two labels, or two fields of a file, must not be one."""
    labels = [label.casefold() for label in task.label_names]
    for name, names in (("labels", labels), ("columns", list(task.renamed.values()))):
        if twice := next((one for one in names if names.count(one) > 1), ""):
            message = f"'{twice}' stands there twice: name each once"
            raise UserError(message, where=f"{field}.{name}")
