"""What can only be judged once the base's shape is known: do the parts fit together?

What one field or two say for themselves is judged by `lingraft.resource`.
"""

from lingraft import resource
from lingraft.architecture import Shape
from lingraft.errors import UserError
from lingraft.plan.defaults import MiniLayers, sequence_length
from lingraft.resource.steps import MaskedLanguageModelling
from lingraft.resource.tasks import Task


def check(spec: resource.LanguageAdaptationSpec, shape: Shape, layers: MiniLayers) -> None:
    """Refuse a spec whose parts do not fit.

    Raises:
        UserError: The field at fault, and what to do about it.
    """
    _check_depths(spec, shape, layers)
    _check_head(spec, shape)
    _check_lengths(spec, shape)
    for i, task in enumerate(spec.tasks):
        _check_names(task, f"spec.tasks[{i}]")


def _check_depths(spec: resource.LanguageAdaptationSpec, shape: Shape, layers: MiniLayers) -> None:
    joint = spec.base.pretrain.joint_layers if spec.base.pretrain else None
    if joint is not None and joint >= shape.layers:
        raise UserError(
            f"the middle head must stand below the top: {joint} of {shape.layers} layers",
            where="spec.base.pretrain.jointLayers",
        )
    if spec.method != "Standard" and layers.copied + layers.new >= shape.layers:
        raise UserError(
            f"a mini-model of {layers.copied}+{layers.new} layers is not shallower than its base, "
            f"which has {shape.layers}: choose fewer",
            where="spec.mini.layers",
        )
    if spec.method == "MiniJoint" and joint is not None and joint != layers.copied:
        raise UserError(
            f"mini.layers is {layers.copied}, but the base's middle head is to stand after layer "
            f"{joint}: make them equal",
            where="spec.mini.layers",
        )


def _check_head(spec: resource.LanguageAdaptationSpec, shape: Shape) -> None:
    if spec.method != "MiniPost" and not shape.masked_lm_head:
        raise UserError(
            f"the base has no masked-LM head, which {spec.method} trains embeddings through: use "
            "method MiniPost, or a checkpoint of a ...ForMaskedLM class",
            where="spec.base.uri",
        )


def _check_names(task: Task, field: str) -> None:
    """Two labels, or two fields of a file, must not be one."""
    labels = [label.casefold() for label in task.label_names]
    for name, names in (("labels", labels), ("columns", list(task.renamed.values()))):
        if twice := next((one for one in names if names.count(one) > 1), ""):
            message = f"'{twice}' stands there twice: name each once"
            raise UserError(message, where=f"{field}.{name}")


def _check_lengths(spec: resource.LanguageAdaptationSpec, shape: Shape) -> None:
    trained: dict[str, MaskedLanguageModelling] = {"spec.embeddings": spec.embeddings}
    if spec.base.pretrain is not None:
        trained["spec.base.pretrain"] = spec.base.pretrain
    if spec.method == "MiniPost":
        trained["spec.mini"] = spec.mini
    for field, choice in trained.items():
        length = sequence_length(choice, shape)
        if length > shape.positions:
            raise UserError(
                f"is {length}, more than the base's {shape.positions} positions: shorten it",
                where=f"{field}.sequenceLength",
            )
    length = sequence_length(spec.embeddings, shape)
    for i, task in enumerate(spec.tasks):
        if task.max_length is not None and task.max_length > length:
            raise UserError(
                f"is {task.max_length}, longer than the {length} tokens the embeddings are trained "
                "at: positions would be met there first; shorten it or raise "
                "embeddings.sequenceLength",
                where=f"spec.tasks[{i}].maxLength",
            )
