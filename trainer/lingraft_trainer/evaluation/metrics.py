"""Scores as the tasks' official scripts compute them, and how sure they are.

Accuracy is XNLI's and PAWS-X's score; macro-F1 is scikit-learn's; retrieval is top-1
accuracy by cosine. Question answering is in `qa_metrics`. All scores lie in 0..1.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
Quotient = tuple[Sequence[float], Sequence[float]]
"""What each example adds above and below the line."""


def accuracy(gold: Sequence[str], predicted: Sequence[str]) -> float:
    """The share of predictions equal to the gold label.

    Raises:
        ValueError: no examples, or lengths that differ.
    """
    if not gold:
        raise ValueError("accuracy of no examples")
    return sum(g == p for g, p in zip(gold, predicted, strict=True)) / len(gold)


def macro_f1(gold: Sequence[str], predicted: Sequence[str]) -> float:
    """The mean over labels of their F1.

    As `sklearn.metrics.f1_score(average="macro", zero_division=0)`: over every label that
    occurs in gold or prediction.

    Raises:
        ValueError: no examples, or lengths that differ.
    """
    if not gold:
        raise ValueError("macro-F1 of no examples")
    pairs = list(zip(gold, predicted, strict=True))
    scores: list[float] = []
    for label in sorted({*gold, *predicted}):
        hits = sum(g == p == label for g, p in pairs)
        # 2 tp / (2 tp + fp + fn); the denominator counts the label on both sides.
        scores.append(2 * hits / sum((g == label) + (p == label) for g, p in pairs))
    return sum(scores) / len(scores)


def retrieval_correct(source: Array, target: Array, *, centred: bool) -> list[float]:
    """Whether each source sentence's nearest target, by cosine, is its own translation.

    Args:
        source: [n, d] sentence vectors; row i translates row i of target.
        target: [n, d].
        centred: Subtract each side's mean first. What all sentences of a language share says
            nothing about which of them is meant (Libovický et al. 2020, arXiv 2004.05160).

    Returns:
        n times 1.0 or 0.0; their mean is the top-1 accuracy.

    Raises:
        ValueError: shapes that differ, no rows, or vectors that are not finite.
    """
    if source.shape != target.shape or source.ndim != 2 or not len(source):
        raise ValueError(f"retrieval of {source.shape} from {target.shape}: want two [n, d]")
    if not (np.isfinite(source).all() and np.isfinite(target).all()):
        raise ValueError("sentence vectors that are not finite")
    similarity = _unit(source, centred) @ _unit(target, centred).T
    # The smallest index of equals would win argmax: a tie with another row is no hit.
    own = similarity.diagonal()
    others = similarity.copy()
    np.fill_diagonal(others, -np.inf)
    return (own > others.max(axis=1)).astype(float).tolist()


def _unit(vectors: Array, centred: bool) -> Array:
    vectors = vectors.astype(np.float64)
    if centred:
        vectors = vectors - vectors.mean(axis=0)
    # A zero vector (possible once centred) stays zero and is near nothing.
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def bootstrap_stderr(
    correct: Sequence[float],
    groups: Sequence[str | None] | None,
    seed: int,
    samples: int = 1000,
) -> float:
    """The standard error of a mean score, by a bootstrap that draws whole groups.

    Examples of one group (passages of a chapter, hypotheses of one premise, questions on one
    paragraph) stand or fall together: drawing them singly would promise too much.

    Args:
        correct: Each example's score.
        groups: Each example's group; None is a group of its own. Without groups, or with all
            examples in one (nothing to draw), each example is taken for itself.
        seed: Of the draws.
        samples: Number of draws.

    Raises:
        ValueError: no examples, or lengths that differ.
    """
    # Groups differ in size: the mean is over the examples drawn, not over groups.
    return quotient_stderr([(correct, [1] * len(correct))], groups, seed, samples)


def quotient_stderr(
    runs: Sequence[Quotient],
    groups: Sequence[str | None] | None,
    seed: int,
    samples: int = 1000,
) -> float:
    """The same of a score that is a quotient of two sums over examples, such as entity F1.

    Args:
        runs: Each model's: what each example adds above and below the line. The standard error is
            of the mean over models.
        groups: As of `bootstrap_stderr`.
        seed: Of the draws.
        samples: Number of draws.

    Raises:
        ValueError: no examples, or lengths that differ.
    """
    examples = len(runs[0][0])
    if not examples:
        raise ValueError("standard error of no examples")
    names: list[str | tuple[int]] = [
        (i,) if name is None else name for i, name in enumerate(groups or [None] * examples)
    ]
    if len(set(names)) == 1:
        names = [(i,) for i in range(len(names))]
    sums = [(_grouped(above, names), _grouped(below, names)) for above, below in runs]
    count = len(set(names))
    generator = np.random.default_rng(seed)
    scores = np.empty(samples)
    for sample in range(samples):
        drawn = generator.integers(count, size=count)
        each = [(above[drawn].sum(), below[drawn].sum()) for above, below in sums]
        scores[sample] = np.mean([above / below if below else 0.0 for above, below in each])
    return float(scores.std(ddof=1))


def _grouped(values: Sequence[float], names: Sequence[str | tuple[int]]) -> Array:
    """Sums over each group, in the order in which they first occur."""
    sums: dict[str | tuple[int], float] = {}
    for name, value in zip(names, values, strict=True):
        sums[name] = sums.get(name, 0.0) + value
    return np.array(list(sums.values()))
