"""What can only be judged once the base's shape is known: do the parts fit together?

What one field or two say for themselves is judged by `lingraft.resource`.
"""

from collections.abc import Mapping

from lingraft import params, resource
from lingraft.architecture import Shape
from lingraft.errors import UserError
from lingraft.formats.languages import CODES, primary, same_language
from lingraft.plan.defaults import MiniLayers, Trainings, bridge_of, sequence_length
from lingraft.plan.scale import EPOCHS, LEAST_BATCH
from lingraft.plan.task_checks import check_tasks
from lingraft.resource.steps import LanguageModelling

LEAST_UPDATES = 100
"""With fewer nothing is learned; where the user did not ask for so few, that is refused."""
FEW_UPDATES = 500
"""What was measured here had 600 and more (docs/results.md); users are told of shorter runs."""


def check(spec: resource.LanguageAdaptationSpec, shape: Shape, layers: MiniLayers) -> None:
    """Refuse a spec whose parts do not fit.

    Raises:
        UserError: The field at fault, and what to do about it.
    """
    if shape.family.causal:
        _check_causal(spec, shape)
    _check_depths(spec, shape, layers)
    _check_head(spec, shape)
    _check_lengths(spec, shape)
    check_tasks(spec, shape)


def _check_causal(spec: resource.LanguageAdaptationSpec, shape: Shape) -> None:
    if spec.method == "MiniJoint":
        raise UserError(
            f"MiniJoint takes the middle head that a base was pretrained with, and a causal base "
            f"({shape.model_type}) has none: use Standard or MiniPost",
            where="spec.method",
        )
    for field, choice in _choices(spec).items():
        if choice.mask_probability is not None:
            raise UserError(
                f"the base is causal ({shape.model_type}): it tells the next token everywhere, and "
                "masks none; leave it out",
                where=f"{field}.maskProbability",
            )


def warn_of_mini(spec: resource.LanguageAdaptationSpec, shape: Shape) -> tuple[str, ...]:
    """A sentence about a mini-model of a causal base."""
    if not shape.family.causal or spec.method == "Standard":
        return ()
    return (
        "spec.method: a mini-model of a causal base took more compute than Standard to equal "
        "quality where that was measured (docs/architecture.md)",
    )


def warn_of_languages(spec: resource.LanguageAdaptationSpec) -> tuple[str, ...]:
    """Sentences about tags that may not be meant: files and rows are chosen by them."""
    said: list[str] = []
    if same_language(spec.language, spec.source_language):
        said.append(
            f"spec.language: {spec.language} is the base's language too ({spec.source_language}): "
            "say spec.sourceLanguage where the base reads another"
        )
    for field, tag in (("language", spec.language), ("sourceLanguage", spec.source_language)):
        code = primary(tag)
        if len(code) == 2 and code not in CODES:
            said.append(
                f"spec.{field}: {code} is no code of ISO 639-1, so that nothing is known of its "
                "script: is it misspelt?"
            )
    return tuple(said)


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
    if bridge_of(spec, shape) is not None and not layers.new:
        raise UserError(
            "a bridge needs a layer above it: set it to 1 or more, or leave mini.text out",
            where="spec.mini.newLayers",
        )
    if spec.method == "MiniJoint" and joint is not None and joint != layers.copied:
        raise UserError(
            f"mini.layers is {layers.copied}, but the base's middle head is to stand after layer "
            f"{joint}: make them equal",
            where="spec.mini.layers",
        )


def _check_head(spec: resource.LanguageAdaptationSpec, shape: Shape) -> None:
    if shape.family.causal and not shape.has_head:
        raise UserError(
            "the base has no language-model head, which embeddings are trained through: give a "
            "checkpoint of a ...ForCausalLM class",
            where="spec.base.uri",
        )
    trains_one = spec.method == "MiniPost" and spec.mini.steps != 0
    if not trains_one and not shape.has_head:
        what = "it" if spec.method == "MiniPost" else spec.method
        raise UserError(
            f"the base has no masked-LM head, which {what} trains embeddings through: use method "
            "MiniPost with mini.text and steps, or a checkpoint of a ...ForMaskedLM class",
            where="spec.base.uri",
        )


def check_updates(spec: resource.LanguageAdaptationSpec, trained: Trainings) -> tuple[str, ...]:
    """Refuse runs that learn nothing because the text or the batch does not fit.

    Returns:
        Sentences about runs that are short.

    Raises:
        UserError: The field at fault, and what to do about it.
    """
    runs: Mapping[str, params.LmTraining | None] = {
        "spec.base.pretrain": trained.pretrain,
        "spec.mini": trained.mini,
        "spec.embeddings": trained.embeddings,
    }
    choices = _choices(spec)
    short: list[str] = []
    for field, run in runs.items():
        if run is None:
            continue
        if field == "spec.embeddings" and spec.embeddings.output_steps > run.steps:
            raise UserError(
                f"is {spec.embeddings.output_steps}, but the run has {run.steps} updates: lower "
                "it, or set embeddings.steps",
                where=f"{field}.outputSteps",
            )
        if run.warmup_steps and run.warmup_steps >= run.steps:
            raise UserError(
                f"is {run.warmup_steps}, but the run has {run.steps} updates: warm up for fewer, "
                f"or set {field.removeprefix('spec.')}.steps",
                where=f"{field}.warmupSteps",
            )
        if choices[field].steps is None and run.steps < LEAST_UPDATES:
            raise _too_few(field, choices[field], run)
        if run.steps < FEW_UPDATES:
            short.append(
                f"{field}: {run.steps} updates are few; what was measured to work had 600 and more "
                "(docs/defaults.md)"
            )
    return tuple(short)


def _too_few(field: str, choice: LanguageModelling, run: params.LmTraining) -> UserError:
    if choice.batch_tokens is not None and run.batch_tokens > LEAST_BATCH:
        return UserError(
            f"with {run.batch_tokens:,} tokens in an update there are only {run.steps} updates, "
            "which learn nothing: lower it, leave it out, or set steps",
            where=f"{field}.batchTokens",
        )
    return UserError(
        f"{EPOCHS} epochs of the text are only {run.steps} updates of {run.batch_tokens:,} tokens, "
        "which learn nothing: give more text, or set steps",
        where=f"{field}.steps",
    )


def _choices(spec: resource.LanguageAdaptationSpec) -> dict[str, LanguageModelling]:
    """The runs that the plan has, by field."""
    found: dict[str, LanguageModelling] = {"spec.embeddings": spec.embeddings}
    if spec.base.pretrain is not None:
        found["spec.base.pretrain"] = spec.base.pretrain
    if spec.method == "MiniPost" and spec.mini.text is not None:
        found["spec.mini"] = spec.mini
    return found


def _check_lengths(spec: resource.LanguageAdaptationSpec, shape: Shape) -> None:
    for field, choice in _choices(spec).items():
        length = sequence_length(choice, shape)
        if length > shape.positions:
            raise UserError(
                f"is {length}, more than the base's {shape.positions} positions: shorten it",
                where=f"{field}.sequenceLength",
            )
