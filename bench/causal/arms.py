"""What is compared: ways to learn a causal base's embeddings, as data, and what each costs."""

from dataclasses import dataclass

from lingraft import compute
from lingraft.architecture import Shape
from lingraft_trainer.embeddings.init import Kind

LENGTH, BATCH_TOKENS, RATE = 128, 1_024, 1.1e-3
"""Rows, updates and the peak rate of every arm: the product's rate at SmolLM2-135M's width."""
LARGE_EPS, SMALL_EPS = 2e-4, 1e-6
"""AdamW's: the product's after a calibrated start `mean` here, and RoBERTa's; an arm has either."""


@dataclass(frozen=True)
class Arm:
    """One way.

    Attributes:
        start: Of the embeddings.
        calibrated: Whether it is fitted to the text's frequencies; charged. What a mini-model or
            matched words taught is fitted to them afterwards instead.
        large_eps: Whether AdamW's eps is that of a calibrated start, not RoBERTa's.
        output_share: Share of the updates, the first, of which the output side alone learns.
        mini: Bottom and top layers that are trained through, a bridge between them; None: all.
        matching: Share of the FLOPs, the first, in which word states are matched (`matching.py`).
    """

    start: Kind = "mean"
    calibrated: bool = True
    large_eps: bool = True
    output_share: float = 0.0
    mini: tuple[int, int] | None = None
    matching: float = 0.0


ARMS = {
    "standard": Arm(calibrated=False, large_eps=False),
    "calibrated": Arm(),
    "output first": Arm(output_share=0.5),
    "focus, calibrated": Arm(start="focus"),
    "words matched first": Arm(matching=0.3),
    "8 + bridge + 4": Arm(mini=(8, 4)),
    "standard, larger eps": Arm(calibrated=False),
    "calibrated, eps 1e-6": Arm(large_eps=False),
}


def begins_calibrated(arm: Arm) -> bool:
    """Whether the whole model's start is."""
    return arm.calibrated and arm.mini is None and not arm.matching


def layers_of(arm: Arm, shape: Shape) -> int:
    """Layers that an arm trains through."""
    return sum(arm.mini) if arm.mini else shape.layers


def calibrations(arm: Arm, shape: Shape, vocabulary: int) -> float:
    """FLOPs of an arm's calibrations: of the whole model, and of a mini-model's own start."""
    if not arm.calibrated:
        return 0.0
    mini = shape.model_copy(update={"layers": layers_of(arm, shape)})
    return sum(
        compute.calibration(model, vocabulary=vocabulary, told=1.0, sequence_length=LENGTH)
        for model in ([shape, mini] if arm.mini else [shape])
    )


def update(arm: Arm, shape: Shape, vocabulary: int) -> float:
    """FLOPs of an update, the mean over all of them."""
    return compute.embed_step(
        shape,
        layers=layers_of(arm, shape),
        vocabulary=vocabulary,
        tokens=BATCH_TOKENS,
        told=BATCH_TOKENS,
        sequence_length=LENGTH,
        output_share=arm.output_share,
        bridge=arm.mini is not None,
    )


def updates(arm: Arm, shape: Shape, vocabulary: int, budget: float) -> int:
    """Updates that a budget of FLOPs allows, calibration and matching paid."""
    left = budget * (1 - arm.matching) - calibrations(arm, shape, vocabulary)
    return max(0, round(left / update(arm, shape, vocabulary)))
