"""What a language costs here and by Standard, and after how many languages that pays.

FLOPs by formula, of what differs between the methods: step 2, and what is spent once for a base so
that step 2 is cheaper. What both need alike (the base, fine-tuning, evaluation) is left out.
"""

import math

from pydantic import Field, computed_field

from lingraft import compute
from lingraft.architecture import Shape
from lingraft.params import EmbedParams, LmTraining, MiniParams, PretrainParams
from lingraft.plan.model import Plan
from lingraft.stage import Contract


class Costs(Contract):
    """FLOPs by formula; none is measured."""

    method: str = Field(description="What people call it, which is not always the paper's name.")
    step2: float = Field(description="Step 2 of this language.")
    step2_standard: float = Field(description="The same steps through the full model.")
    once: float = Field(description="Spent once for the base, whatever the number of languages.")
    once_for: str = Field(description="What that is, in a few words; empty where it is nothing.")

    @computed_field
    @property
    def total(self) -> float:
        """What this language costs if no other one shares the one-time costs."""
        return self.once + self.step2

    @computed_field
    @property
    def languages_to_pay(self) -> int | None:
        """Languages like this one after which this method has cost no more than Standard.

        0 where nothing is spent beforehand; None where no number of them is enough.
        """
        if self.step2 >= self.step2_standard:
            return None
        return math.ceil(self.once / (self.step2_standard - self.step2))

    @computed_field
    @property
    def sentence(self) -> str:
        """Whether it pays, and when."""
        if self.method == "Standard":
            return "this is Standard: nothing is spent beforehand, and nothing is saved"
        times = self.total / self.step2_standard
        number = self.languages_to_pay
        if number is None:
            return (
                "this never pays: its step 2 costs as much as Standard's; "
                "choose fewer layers for the mini-model, or Standard"
            )
        if not number and self.method != "MiniJoint":
            return "nothing is spent beforehand, so it pays from the first step on"
        if not number:
            return (
                "nothing more is spent beforehand, so it pays from the first step on; what the "
                "base's second head cost when it was pretrained is not known here"
            )
        if number == 1:
            return f"with its one-time costs this language costs {times:.2f}x what Standard's does"
        return (
            f"this language alone costs {times:.1f}x what Standard's does: the one-time costs "
            f"pay after {number:,} languages with as much text as this one"
        )


def costs_of(plan: Plan) -> Costs:
    """The costs of a plan."""
    embed = plan["embed"]
    method = EmbedParams.model_validate(embed.stage.params).method
    once, once_for = _once(plan) if method != "Standard" else (0.0, "")
    mini = MiniParams.model_validate(plan["mini"].stage.params) if method != "Standard" else None
    return Costs(
        method=mini.called if mini else method,
        step2=embed.flops,
        step2_standard=plan.embed_flops_standard,
        once=once,
        once_for=once_for,
    )


def _once(plan: Plan) -> tuple[float, str]:
    """Step 1b, a bridge in place of it, or the second head of a base that is pretrained here."""
    if (mini := plan["mini"].flops) > 0:
        bridged = MiniParams.model_validate(plan["mini"].stage.params).bridge is not None
        return mini, "the mini-model's bridge" if bridged else "step 1b"
    if MiniParams.model_validate(plan["mini"].stage.params).method == "MiniPost":
        return 0.0, ""  # its layers and head are the base's own
    pretrain = next((one for one in plan.stages if one.stage.kind == "pretrain"), None)
    if pretrain is None:
        return 0.0, ""  # whoever pretrained the base has paid for its second head
    training = PretrainParams.model_validate(pretrain.stage.params).training
    return second_head(plan.shape, training), "pretraining's second head"


def second_head(shape: Shape, training: LmTraining) -> float:
    """FLOPs of a pretraining's second masked-LM head, the middle one."""
    tokens = training.batch_rows * training.sequence_length

    def step(heads: int) -> float:
        return compute.pretrain_step(
            shape,
            heads=heads,
            tokens=tokens,
            told=tokens * training.told,
            sequence_length=training.sequence_length,
        )

    return training.steps * (step(2) - step(1))
