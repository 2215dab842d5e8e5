"""What method `Auto` stands for: docs/results.md has the measurements behind it."""

from typing import Any

from lingraft.architecture import Shape
from lingraft.errors import UserError
from lingraft.resource import LanguageAdaptationSpec, Method

LEAST_LAYERS = 3
"""With fewer a mini-model is not shallower than its base."""


def resolved(spec: LanguageAdaptationSpec, shape: Shape) -> LanguageAdaptationSpec:
    """A spec that names its method, with what the user has set as it is.

    Of a masked base: a mini-model of its own bottom and top layers with a bridge; of one that has
    no head, or where the new layers are to be the next ones, MiniPost as in the paper. Of a
    causal or a very shallow one: Standard.

    Raises:
        UserError: There is no source-language text for the mini-model, or none that would be read.
    """
    if spec.method != "Auto":
        return spec
    causal = shape.family.causal
    init: dict[str, Any] = {"init": "mean" if causal else "focus"}
    changes: dict[str, Any] = {"embeddings": _unless_set(spec.embeddings, init)}
    if causal or shape.layers < LEAST_LAYERS:
        return spec.model_copy(update=changes | {"method": "Standard"})
    if spec.embeddings.calibrate:
        raise UserError(
            "is Standard's, and method Auto trains through a mini-model here: leave it out, or say "
            "method: Standard",
            where="spec.embeddings.calibrate",
        )
    pretrain = spec.base.pretrain
    text = spec.mini.text or (pretrain.text if pretrain else None)
    if text is None:
        raise UserError(
            "method Auto makes a mini-model, which takes source-language text: give some MB of it, "
            "or say method: Standard",
            where="spec.mini.text",
        )
    asked = spec.mini.model_fields_set
    # A bridge stands below the base's top: other new layers have to be trained.
    next_ones = "new_layers_from" in asked and spec.mini.new_layers_from == "Next"
    own: dict[str, Any] = {"new_layers_from": "Top", "steps": 0}
    if next_ones or not shape.has_head:
        own = {}
    mini = _unless_set(spec.mini, own).model_copy(update={"text": text})
    if next_ones and mini.steps == 0:
        raise UserError(
            "is Next, and with steps 0 new layers learn nothing: leave one of the two out, or say "
            "method: MiniPost",
            where="spec.mini.newLayersFrom",
        )
    return spec.model_copy(update=changes | {"method": "MiniPost", "mini": mini})


def method_of(spec: LanguageAdaptationSpec) -> Method:
    """The method of a spec that names one."""
    assert spec.method != "Auto", "a plan's spec is resolved"
    return spec.method


def _unless_set(one: Any, values: dict[str, Any]) -> Any:
    """A model with values for the fields that the user left out."""
    left = {name: value for name, value in values.items() if name not in one.model_fields_set}
    return one.model_copy(update=left)
