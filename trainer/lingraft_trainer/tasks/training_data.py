"""What a task is trained on and what its best epoch is chosen by."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from lingraft.errors import UserError
from lingraft.formats import Collected, Purpose, TaskRow, group_of, labels_of, read_examples
from lingraft.params import FinetuneParams, TaskFiles

DEV_SHARE = 0.1


def read_task(
    path: Path,
    files: TaskFiles,
    language: str,
    purpose: Purpose,
    trained: tuple[str, ...] | None = None,
) -> Collected:
    """A task's files, read as its parameters say; of labels that were trained on, if given."""
    return read_examples(
        path,
        files.format,
        language,
        purpose,
        columns=files.columns,
        names=files.labels,
        trained=trained,
    )


def read_warnings(read: Mapping[Purpose, Collected]) -> list[str]:
    """A sentence for each input of which rows were left out."""
    return [f"{name}: {one.warning}" for name, one in read.items() if one.warning]


def read_training(inputs: Mapping[str, Path], params: FinetuneParams) -> dict[Purpose, Collected]:
    """What `train` holds, and `dev` where it is given."""
    language = params.source_language
    train = read_task(inputs["train"], params, language, "train")
    found: dict[Purpose, Collected] = {"train": train}
    if "dev" in inputs:
        labels = labels_of(train.rows, params.labels)
        found["dev"] = read_task(inputs["dev"], params, language, "dev", labels)
    return found


def split(
    read: Mapping[Purpose, Collected], params: FinetuneParams, *, where: str
) -> tuple[list[TaskRow], list[TaskRow], tuple[str, ...]]:
    """Train and dev examples and the labels; without dev, a tenth of train by hash.

    Raises:
        UserError: one label for all, or a single example.
    """
    train = read["train"].rows
    labels = labels_of(train, params.labels)
    if len(labels) == 1:
        message = f"all training examples have the label {labels[0]!r}: give at least two"
        raise UserError(message, where=where)
    if "dev" in read:
        return train, read["dev"].rows, labels
    # Whole groups go to one side, or dev would only repeat train.
    shares = [_share(row) for row in train]
    held = [share < DEV_SHARE for share in shares]
    if not any(held) or all(held):  # few groups: the one of the smallest share
        held = [share == min(shares) for share in shares]
    if all(held):  # a single group
        held = [i % round(1 / DEV_SHARE) == 0 for i in range(len(train))]
    if all(held):
        message = "one example is too few to train on and choose the best epoch by: give more, "
        raise UserError(message + "or dev", where=where)
    dev = [row for row, out in zip(train, held, strict=True) if out]
    return [row for row, out in zip(train, held, strict=True) if not out], dev, labels


def _share(row: TaskRow) -> float:
    key = group_of(row) or repr(row)
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") / 2**64
