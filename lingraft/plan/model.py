"""What a plan is: stages in an order in which they can run, and what they read."""

from pydantic import Field

from lingraft.architecture import Shape
from lingraft.stage import Contract, Source, Stage, StageSpec


class PlannedStage(Contract):
    """A stage in its place in the plan."""

    name: str = Field(description="For people, such as finetune-genre-0; unique in the plan.")
    stage: Stage
    needs: tuple[str, ...] = Field(description="Names of the stages it reads.")
    flops: float = Field(
        description="By formula. 0 where no model is trained, and for fine-tuning: how many "
        "examples there are is known once they are read."
    )
    steps: int = 0


class Plan(Contract):
    """The stages in an order in which they can run, and the sources they read."""

    stages: tuple[PlannedStage, ...]
    sources: tuple[Source, ...] = Field(description="One for each URI that the spec names.")
    store: str
    shape: Shape
    embed_flops_standard: float = Field(
        description="What step 2 would cost through the full model, by formula."
    )
    warnings: tuple[str, ...] = Field(
        default=(), description="Sentences about what is allowed, and may not be meant."
    )

    def __getitem__(self, name: str) -> PlannedStage:
        return next(stage for stage in self.stages if stage.name == name)

    def under(self, contract: int) -> "Plan":
        """The plan as it was pinned, under the contract of then: its digests are those of then."""

        def of_then(planned: PlannedStage) -> PlannedStage:
            stage = planned.stage.model_copy(update={"contract": contract})
            return planned.model_copy(update={"stage": stage})

        return self.model_copy(update={"stages": tuple(map(of_then, self.stages))})

    @property
    def saved_per_step(self) -> float:
        """Compute of Standard's step 2 over this one's: per step, not a measured speed-up."""
        return self.embed_flops_standard / self["embed"].flops

    def spec(self, planned: PlannedStage, holder: str) -> StageSpec:
        """What one process needs to run one stage of this plan."""
        wanted = {
            ref.removeprefix("source/")
            for ref in planned.stage.inputs.values()
            if ref.startswith("source/")
        }
        return StageSpec(
            stage=planned.stage,
            sources={one.fingerprint: one for one in self.sources if one.fingerprint in wanted},
            store=self.store,
            holder=holder,
        )
