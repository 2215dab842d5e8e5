"""A preset is data: which languages, arms, seeds and tasks, as parts of `LanguageAdaptation`s.

An arm is one way to learn a language: a method on a base. Its fields are laid over the
preset's `spec`, so that what all arms share is written once and nothing is tuned for one.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

import yaml
from pydantic import Field, model_validator

from lingraft.places import absolute_uri
from lingraft.resource import API_VERSION, KIND, LanguageAdaptation
from lingraft.resource.fields import Model

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PRESETS = HERE / "presets"
Json = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Run:
    """One training of step 2, and everything before and after it."""

    arm: str
    language: str
    seed: int
    learning_rate: float
    resource: LanguageAdaptation

    @property
    def label(self) -> str:
        """What to call it in a line of output."""
        return f"{self.language}, {self.arm}, seed {self.seed}, rate {self.learning_rate:g}"


class Preset(Model):
    """What to run."""

    name: str
    about: str
    languages: list[str]
    seeds: int = Field(ge=1, description="Seeds of step 2; a task has its own of fine-tuning.")
    snapshots: int = Field(ge=2, description="Kept of step 2, the start left out.")
    evaluate_every: int = Field(
        default=1, ge=1, description="Every how many of them is evaluated; start and end always."
    )
    learning_rates: list[float] = Field(
        min_length=1, description="Grid of step 2's peak rate: the same for every arm."
    )
    search_language: str | None = Field(
        default=None, description="Where the grid is searched, by held-out loss without labels."
    )
    rates_like: dict[str, str] = Field(
        default_factory=dict, description="Arms that take another's rate, without a search."
    )
    reference: str = Field(description="The arm that the others are compared with.")
    compare_with: dict[str, list[str]] = Field(
        default_factory=dict, description="Arms that are compared with others than that."
    )
    arms: dict[str, Json]
    tasks: list[Json]
    spec: Json
    of_language: dict[str, Json] = Field(
        default_factory=dict, description="What a language has otherwise, in every arm."
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        compared = {self.reference, *self.compare_with}.union(*self.compare_with.values())
        if unknown := compared - self.arms.keys():
            raise ValueError(f"reference, compareWith: no arms are called {sorted(unknown)}")
        if len(self.learning_rates) > 1 and self.search_language is None:
            raise ValueError("several learningRates need a searchLanguage")
        if unknown := {*self.rates_like, *self.rates_like.values()} - self.arms.keys():
            raise ValueError(f"ratesLike: no arms are called {', '.join(sorted(unknown))}")
        return self

    def references_of(self, arm: str) -> list[str]:
        """The arms that one is compared with; the reference itself with none."""
        return [one for one in self.compare_with.get(arm, [self.reference]) if one != arm]

    @property
    def on_bibles(self) -> bool:
        """Whether its text is what `examples/bible/prepare.py` fetches."""
        return str(self.spec["corpus"]["uri"]).startswith(".demo/bible/")

    def run(self, arm: str, language: str, seed: int, learning_rate: float) -> Run:
        """One run as a checked resource, local paths below the repository's root."""
        tasks = [
            {key: value for key, value in task.items() if key != "languages"}
            for task in self.tasks
            if language in task.get("languages", [language])
        ]
        own = {
            "language": language,
            "seed": seed,
            "tasks": tasks,
            "embeddings": {"learningRate": learning_rate, "snapshots": self.snapshots},
        }
        of_language = merged(self.spec, self.of_language.get(language, {}))
        spec = _placed(merged(merged(of_language, self.arms[arm]), own), language)
        name = f"{self.name}-{language}-{arm}-{learning_rate:g}-{seed}"
        resource = LanguageAdaptation.model_validate(
            {
                "apiVersion": API_VERSION,
                "kind": KIND,
                "metadata": {"name": name.replace("+", "-").replace("_", "-")},
                "spec": spec,
            },
            by_alias=True,
            by_name=False,
        )
        return Run(arm, language, seed, learning_rate, resource)


def load_preset(name: str) -> Preset:
    """A preset by its name, with what it extends.

    Raises:
        FileNotFoundError: There is none of that name.
        ValidationError: It is not one.
    """
    content = _content(name)
    arms = {arm: _like(content["arms"], arm) for arm in content["arms"]}
    return Preset.model_validate(content | {"name": name, "arms": arms}, by_name=False)


def merged(below: Json, above: Json) -> Json:
    """One mapping laid over another, field by field; everything but mappings is replaced."""
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            result[key] = merged(cast(Json, old), cast(Json, value))
        else:
            result[key] = value
    return result


def _content(name: str) -> Json:
    content: Json = yaml.safe_load((PRESETS / f"{name}.yaml").read_text(encoding="utf-8"))
    parent = content.pop("extends", None)
    return merged(_content(parent), content) if parent else content


def _like(arms: dict[str, Json], name: str) -> Json:
    arm = dict(arms[name])
    like = arm.pop("like", None)
    return merged(_like(arms, like), arm) if like else arm


def _placed(value: Any, language: str) -> Any:
    """Every URI in its place: the language's name in it, and local paths from the root."""
    if isinstance(value, dict):
        return {
            key: absolute_uri(one.replace("{language}", language), ROOT)
            if key in ("uri", "train", "dev", "test", "sourceTest") and isinstance(one, str)
            else _placed(one, language)
            for key, one in cast(Json, value).items()
        }
    if isinstance(value, list):
        return [_placed(one, language) for one in cast(list[Any], value)]
    return value
