"""Task data, read as published or as plain JSON Lines, from files or whole directories.

Formats (each file plain or .gz):
    xnli            XNLI's tsv or jsonl, rows of one language; MultiNLI's for training
    paws-x          PAWS-X's tsv
    squad, mlqa     SQuAD v1.1's nested JSON, which MLQA shares
    classification  {text, label[, group]}
    pairs           {text, textPair, label[, group]}
    qa              {context, question, answers: {text: [...], answer_start: [...]}[, id]}
    retrieval       {source, target}
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from lingraft.errors import UserError
from lingraft.formats import pairs, plain, qa
from lingraft.formats.examples import Answer, Example, ParallelPair, Question
from lingraft.formats.files import files_in

__all__ = [
    "FORMATS",
    "Answer",
    "Example",
    "ParallelPair",
    "Question",
    "TaskKind",
    "TaskRow",
    "labels_of",
    "read_examples",
]

TaskKind = Literal["classification", "pairs", "qa", "retrieval"]
TaskRow = Example | Question | ParallelPair

FORMATS: dict[str, TaskKind] = {
    "xnli": "pairs",
    "paws-x": "pairs",
    "mlqa": "qa",
    "squad": "qa",
    "classification": "classification",
    "pairs": "pairs",
    "qa": "qa",
    "retrieval": "retrieval",
}
"""Format to what the model is asked to do. `pairs` are classified, `retrieval` trains nothing."""

_READERS: dict[str, Callable[[list[Path], str], Iterator[tuple[str, TaskRow]]]] = {
    "xnli": pairs.read_nli,
    "paws-x": pairs.read_paws,
    "mlqa": qa.read_squad,
    "squad": qa.read_squad,
    "classification": plain.read_classification,
    "pairs": plain.read_pairs,
    "qa": qa.read_qa_jsonl,
    "retrieval": plain.read_retrieval,
}
_LABELS = {"xnli": pairs.NLI_LABELS, "paws-x": pairs.PAWS_LABELS}


def read_examples(
    path: Path, format: str, language: str, labels: Sequence[str] | None = None
) -> list[TaskRow]:
    """Read a task file, or every file of a directory in the order of their names.

    Args:
        path: A file or directory; hidden files in it are skipped.
        format: A key of FORMATS.
        language: BCP 47; its first part chooses the rows of `xnli`. The other formats hold one
            language a file.
        labels: The labels a model was trained on; any other is an error. By default those the
            format defines, if it does.

    Returns:
        At least one `Example` (kinds classification and pairs), `Question` (qa) or
        `ParallelPair` (retrieval), in the files' order.

    Raises:
        UserError: a file that is not of the format, with `file:line` and what was expected.
    """
    if format not in _READERS:
        message = f"unknown task format '{format}'; choose one of {', '.join(FORMATS)}"
        raise UserError(message, where="format")
    allowed = labels if labels is not None else _LABELS.get(format)
    rows: list[TaskRow] = []
    for place, row in _READERS[format](files_in(path), language):
        if isinstance(row, Example) and allowed is not None and row.label not in allowed:
            message = f"unknown label '{row.label}'; expected one of {', '.join(allowed)}"
            raise UserError(message, where=place)
        rows.append(row)
    if not rows:
        raise UserError("the task data has no examples", where=str(path))
    return rows


def labels_of(examples: Iterable[TaskRow]) -> tuple[str, ...]:
    """The labels that occur, in the order that numbers them in a model's config.

    Sorted; where they are those of natural language inference: entailment, neutral,
    contradiction, as its published models have them.
    """
    found = {e.label for e in examples if isinstance(e, Example) and e.label is not None}
    return pairs.NLI_LABELS if found == set(pairs.NLI_LABELS) else tuple(sorted(found))
