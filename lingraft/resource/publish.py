"""Where what passed its gates is published."""

from typing import Literal, Self

from pydantic import Field, model_validator

from lingraft.resource.fields import Model, Uri


class Publish(Model):
    """A stable place for what passed its gates: `<uri>/<version>/`, and `<uri>/current.json`."""

    uri: Uri = Field(
        description="A folder of a bucket, of this language alone. Readers follow current.json."
    )
    as_: Literal["pack", "model"] = Field(
        default="pack",
        alias="as",
        description="pack: what is new of the language, which goes into the base and its task "
        "models. model: a whole checkpoint of the language model.",
    )
    no_worse_than: Literal["current"] | None = Field(
        default=None,
        description="current: a score on the same test data must not be less than the published "
        "version's, or that one stays. Default: none, the tasks' gates alone decide.",
    )
    margin: float = Field(
        default=0.0, ge=0, le=1, description="By how much a score may be less, 0 to 1."
    )

    @model_validator(mode="after")
    def _margin_of_something(self) -> Self:
        if self.margin and self.no_worse_than is None:
            raise ValueError("margin is noWorseThan's: set noWorseThan: current")
        return self
