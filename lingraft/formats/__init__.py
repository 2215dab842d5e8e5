"""Task data, read as published or as plain JSON Lines, from files or whole directories.

Formats (each file plain or .gz):
    xnli            XNLI's tsv or jsonl, rows of one language; MultiNLI's for training
    paws-x          PAWS-X's and PAWS' tsv
    squad, mlqa     SQuAD v1.1's nested JSON, which MLQA and XQuAD share
    belebele        Belebele's jsonl; its training set's tsv, or RACE, for training
    xcopa           XCOPA's and COPA's jsonl; SocialIQA's for training
    xstorycloze     XStoryCloze's tsv, StoryCloze's csv
    multiblimp      MultiBLiMP's tsv; {sentence_good, sentence_bad}, as BLiMP has it
    sib-200         SIB-200's tsv
    massive         MASSIVE's jsonl, rows of one partition
    classification  {text, label[, group]}
    pairs           {text, textPair, label[, group]}
    qa              {context, question, answers: {text: [...], answer_start: [...]}[, id]}
    choice          {context and question, or one of them, choices: [...], label}
    instruction     {prompt, completion}, or {messages}
    retrieval       {source, target}
    ner, pos        {tokens, tags[, group]}, or one word a line as WikiANN, CoNLL, UD ... have it
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from lingraft.errors import UserError
from lingraft.formats.collect import Collected, collect
from lingraft.formats.examples import (
    Answer,
    Choice,
    Example,
    Instruction,
    MinimalPair,
    ParallelPair,
    Purpose,
    Question,
    Tagged,
    TaskRow,
    Turn,
    group_of,
    labels_in,
)
from lingraft.formats.files import TaskFile, local_file
from lingraft.formats.folders import check_name, files_to_read
from lingraft.formats.wanted import Wanted, labels_of
from lingraft.resource.formats import FORMATS

__all__ = [
    "Answer",
    "Choice",
    "Collected",
    "Example",
    "Instruction",
    "MinimalPair",
    "ParallelPair",
    "Purpose",
    "Question",
    "Tagged",
    "TaskRow",
    "Turn",
    "group_of",
    "labels_in",
    "labels_of",
    "read_examples",
]


def read_examples(
    path: Path,
    format: str,
    language: str,
    purpose: Purpose,
    *,
    columns: Mapping[str, str] = MappingProxyType({}),
    names: Sequence[str] = (),
    trained: Sequence[str] | None = None,
) -> Collected:
    """Read a task file, or those files of a directory that are for a purpose.

    Args:
        path: A file or directory; `folders.files_to_read` says what is read of one.
        format: A key of `resource.formats.FORMATS`.
        language: BCP 47; chooses the files of a published folder, and the rows of a format that
            names their language. The other formats hold one language a file.
        purpose: What the rows are for.
        columns: Our name of a field to the file's, where they differ.
        names: The labels in order: a row's label may be one of them, or its number.
        trained: The labels a model was trained on; any other is an error. By default `names`,
            or those the format defines, if it does.

    Returns:
        At least one `Example` (kinds classification and pairs), `Question` (qa), `Choice`
        (choice), `MinimalPair`, `Instruction`, `ParallelPair` (retrieval) or `Tagged` sentence
        (ner and pos), in the files' order.

    Raises:
        UserError: a file that is not of the format, with `file:line` and what was expected.
    """
    if format not in FORMATS:
        message = f"unknown task format '{format}'; choose one of {', '.join(FORMATS)}"
        raise UserError(message, where="format")
    labels = tuple(trained) if trained else None
    wanted = Wanted(format, language, purpose, tuple(columns.items()), tuple(names), labels)
    return collect(files_in(path, wanted), wanted, str(path))


def files_in(path: Path, wanted: Wanted) -> list[TaskFile]:
    """The file itself, or the files of a directory that are to be read.

    Raises:
        UserError: no such path, nothing in it, or no telling what to read of it.
    """
    if path.is_dir():
        keys = [f.relative_to(path).as_posix() for f in path.rglob("*") if f.is_file()]
        chosen = files_to_read(keys, wanted, str(path))
        return [local_file(path / key, key) for key in chosen]
    if not path.is_file():
        raise UserError("there is no such task file or directory; check the URI", where=str(path))
    check_name(path.name, wanted, str(path))
    return [local_file(path, path.name)]
