"""Published data sets by their files' names: which of them are read for what.

A folder as it is unpacked holds every split, often in two formats and in all languages. What a
data set lacks it is asked for in vain: XNLI has no training data, MultiNLI no labelled test.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lingraft.errors import UserError
from lingraft.formats.examples import Purpose
from lingraft.formats.languages import same_language
from lingraft.formats.layout import LANGUAGE, WHOLE, Layout
from lingraft.formats.layouts_choice import CHOICES_AND_TOPICS
from lingraft.formats.layouts_tagged import CONLL, TAGGED_WORDS
from lingraft.formats.wanted import Wanted

PURPOSES: dict[Purpose, str] = {
    "train": "training",
    "dev": "development",
    "test": "test",
    "sourceTest": "test",
}
_TEST_IS_DEV = {"train": "train", "dev": "dev", "test": "dev"}


_SQUAD = ("squad", "mlqa")
LAYOUTS = (
    Layout(
        "MultiNLI 1.0",
        ("xnli",),
        r"multinli_1\.0_(?P<split>train|dev_matched|dev_mismatched)",
        {
            "train": "train",
            "dev": "dev_matched dev_mismatched",
            "test": "dev_matched|dev_mismatched",
        },
        (".jsonl", ".txt"),
    ),
    Layout(
        "XNLI 1.0",
        ("xnli",),
        r"xnli\.(?P<split>dev|test)",
        {"dev": "dev", "test": "test"},
        (".jsonl", ".tsv"),
    ),
    Layout(
        "XNLI-MT 1.0 (MultiNLI)",
        ("xnli",),
        rf"multinli\.(?P<split>train)\.{LANGUAGE}",
        {"train": "train"},
        (".tsv",),
    ),
    Layout(
        "XNLI-MT 1.0 (XNLI translated into English)",
        ("xnli",),
        rf"xnli\.(?P<split>dev|test)\.{LANGUAGE}",
        {"dev": "dev", "test": "test"},
        (".tsv",),
        english=True,
    ),
    Layout(
        "PAWS-X",
        ("paws-x",),
        rf"(?:{LANGUAGE}/)?(?P<split>translated_train|train|dev_2k|test_2k)",
        {"train": "train|translated_train", "dev": "dev_2k", "test": "test_2k"},
        (".tsv",),
    ),
    Layout(
        "PAWS",
        ("paws-x",),
        r"(?P<split>train|dev|test)",
        {"train": "train", "dev": "dev", "test": "test"},
        (".tsv",),
    ),
    Layout(
        "XTREME",
        ("xnli", "paws-x"),
        rf"(?P<split>train|dev|test)-{LANGUAGE}",
        {"train": "train", "dev": "dev", "test": "test"},
        (".tsv",),
    ),
    Layout("SQuAD 1.1", _SQUAD, r"(?P<split>train|dev)-v1\.1", _TEST_IS_DEV),
    Layout(
        "MLQA",
        _SQUAD,
        rf"(?P<split>dev|test)-context-{LANGUAGE}-question-(?P<question>[a-z]{{2}})",
        {"dev": "dev", "test": "test"},
    ),
    Layout(
        "MLQA translate-train",
        _SQUAD,
        rf"{LANGUAGE}_squad-translate-train-(?P<split>train|dev)-v1\.1",
        {"train": "train", "dev": "dev"},
    ),
    Layout(
        "MLQA translated into English",
        _SQUAD,
        rf"translate-(?P<split>test)-context-{LANGUAGE}-question-(?P<question>[a-z]{{2}})",
        {"test": "test"},
        english=True,
    ),
    Layout("XQuAD", _SQUAD, rf"(?P<split>xquad)\.{LANGUAGE}", {"dev": "xquad", "test": "xquad"}),
    Layout("TyDiQA-GoldP", _SQUAD, r"tydiqa-goldp-v1\.1-(?P<split>train|dev)", _TEST_IS_DEV),
    Layout("TyDiQA", _SQUAD, rf"tydiqa\.{LANGUAGE}\.(?P<split>train|dev)", _TEST_IS_DEV),
    *CHOICES_AND_TOPICS,
    *TAGGED_WORDS,
)


@dataclass(frozen=True)
class Member:
    """A file of a data set: its path, suffix, split and language ('' where none is named)."""

    key: str
    suffix: str
    split: str
    language: str
    question: str


def members_of(layout: Layout, stems: Mapping[str, tuple[str, str]], form: str) -> list[Member]:
    """The files that are of a data set.

    Args:
        layout: The data set.
        stems: Path of each file to its path without suffix, and the suffix.
        form: The task's format.
    """
    found: list[Member] = []
    for key, (stem, suffix) in stems.items():
        match = layout.match(stem) if form in layout.formats else None
        if match and suffix in layout.suffixes:
            groups = match.groupdict()
            language = groups.get("language") or ""
            language = CONLL.get(language, language)
            question = groups.get("question") or language
            found.append(Member(key, suffix, groups.get("split") or WHOLE, language, question))
    return found


def chosen(layout: Layout, members: Sequence[Member], wanted: Wanted) -> list[str]:
    """The one file of a data set that is for a purpose and in a language.

    Raises:
        UserError: there is none, or more than one.
    """
    own = [one for one in members if not one.language or _is_in(one, layout, wanted)]
    asked = layout.asked(wanted.purpose)
    for group in asked.split():
        there = [one for one in own if one.split in group.split("|")]
        best = min((layout.suffixes.index(one.suffix) for one in there), default=0)
        keys = [one.key for one in there if one.suffix == layout.suffixes[best]]
        if len(keys) > 1 or len({one.split for one in there}) > 1:
            several = [one.key for one in there]
            raise UserError(f"{shown(several)} may all be meant; name the one to read")
        if keys:
            return keys
    kind = PURPOSES[wanted.purpose]
    languages = sorted({one.language for one in members if one.language})
    if languages and asked:
        have = "English translations of " if layout.english else ""
        kind += f" data in '{wanted.language}' here: it has {have}{', '.join(languages)}"
    else:
        kind += f" data here: it has {shown([one.key for one in members])}"
    raise UserError(f"{layout.name} has no {kind}; name one file, or another folder")


def _is_in(member: Member, layout: Layout, wanted: Wanted) -> bool:
    """Whether texts and questions are in the language that is asked for."""
    if layout.english and not same_language("en", wanted.language):
        return False
    return same_language(member.language, wanted.language) and member.question == member.language


def shown(keys: Sequence[str]) -> str:
    """A few of many names."""
    rest = f" and {len(keys) - 4} more" if len(keys) > 4 else ""
    return ", ".join(sorted(keys)[:4]) + rest
