"""What method `Auto` stands for: the plan of the spec that names it all."""

import pytest

from lingraft.architecture import Shape
from lingraft.errors import UserError
from lingraft.resource import LanguageAdaptationSpec
from tests.support.specs import ROBERTA_BASE, digests, fields_of, planned

PRETRAIN = {"pretrain": {"text": {"uri": "file:///english"}}}
TEXT = {"text": {"uri": "file:///english"}}
OWN = {"newLayersFrom": "Top", "steps": 0}
LLAMA = ROBERTA_BASE.model_copy(update={"model_type": "llama"})
BODY = ROBERTA_BASE.model_copy(update={"has_head": False})
SHALLOW = ROBERTA_BASE.model_copy(update={"layers": 2})


def spec(**fields: object) -> LanguageAdaptationSpec:
    least = {name: one for name, one in fields_of("Standard").items() if name != "method"}
    return LanguageAdaptationSpec.model_validate(least | fields)


@pytest.mark.parametrize(
    ("shape", "given", "named"),
    [
        (
            ROBERTA_BASE,
            {"mini": TEXT},
            {"method": "MiniPost", "mini": OWN | TEXT, "embeddings": {"init": "focus"}},
        ),
        (
            ROBERTA_BASE,
            {"base": PRETRAIN},
            {
                "base": PRETRAIN,
                "method": "MiniPost",
                "mini": OWN | {"text": PRETRAIN["pretrain"]["text"]},
                "embeddings": {"init": "focus"},
            },
        ),
        (
            ROBERTA_BASE,
            {"mini": TEXT | {"layers": 2, "steps": 700}, "embeddings": {"init": "mean"}},
            {
                "method": "MiniPost",
                "mini": TEXT | {"layers": 2, "steps": 700, "newLayersFrom": "Top"},
                "embeddings": {"init": "mean"},
            },
        ),
        (
            BODY,
            {"mini": TEXT},
            {"method": "MiniPost", "mini": TEXT, "embeddings": {"init": "focus"}},
        ),
        (
            ROBERTA_BASE,
            {"mini": TEXT | {"newLayersFrom": "Next"}},
            {"method": "MiniPost", "mini": TEXT, "embeddings": {"init": "focus"}},
        ),
        (SHALLOW, {}, {"method": "Standard", "embeddings": {"init": "focus"}}),
        (LLAMA, {}, {"method": "Standard", "embeddings": {"init": "mean"}}),
        (LLAMA, {"mini": TEXT}, {"method": "Standard", "embeddings": {"init": "mean"}}),
    ],
    ids=[
        "given text",
        "pretrained",
        "what is set stays",
        "no head",
        "next layers",
        "shallow",
        "causal",
        "unread",
    ],
)
def test_it_stands_for(shape: Shape, given: dict[str, object], named: dict[str, object]) -> None:
    assert digests(planned(spec(**given), shape)) == digests(planned(spec(**named), shape))


def test_a_bridge_to_layers_that_it_was_not_fitted_to_is_refused() -> None:
    with pytest.raises(UserError, match="with steps 0 new layers learn nothing") as error:
        planned(spec(mini=TEXT | {"steps": 0, "newLayersFrom": "Next"}))
    assert error.value.where == "spec.mini.newLayersFrom"


def test_without_source_text_it_says_what_to_do() -> None:
    with pytest.raises(UserError, match="or say method: Standard") as error:
        planned(spec())
    assert error.value.where == "spec.mini.text"


def test_it_is_the_default() -> None:
    assert spec().method == "Auto"
    assert digests(planned(spec(method="Auto", mini=TEXT))) == digests(planned(spec(mini=TEXT)))


def test_calibration_goes_with_what_is_standard_alone() -> None:
    asked = {"embeddings": {"calibrate": True}}
    named = {"method": "Standard", "embeddings": {"calibrate": True, "init": "mean"}}
    assert digests(planned(spec(**asked), LLAMA)) == digests(planned(spec(**named), LLAMA))
    with pytest.raises(UserError, match="method Auto trains through a mini-model") as error:
        planned(spec(mini=TEXT, **asked))
    assert error.value.where == "spec.embeddings.calibrate"
