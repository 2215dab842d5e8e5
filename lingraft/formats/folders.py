"""Which files of a task's folder are read: a published data set's by name, or all of one's own.

Pure: from the paths below the folder. Where two answers are possible there is none.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from lingraft.errors import UserError
from lingraft.formats.codecs import plain_name
from lingraft.formats.exports import exported
from lingraft.formats.languages import CODES, same_language
from lingraft.formats.layouts import LAYOUTS, chosen, members_of, shown
from lingraft.formats.layouts_tagged import SPLIT_SUFFIXES
from lingraft.formats.tables import SUFFIXES as TABLES
from lingraft.formats.tagged import SUFFIXES as TAGGED
from lingraft.formats.wanted import Wanted

_TEXTS = (*TABLES, ".txt")
_SUFFIXES = {"xnli": _TEXTS, "belebele": _TEXTS, "ner": TAGGED, "pos": TAGGED}
_ABOUT = re.compile(
    r"(?:readme|licen[cs]e|copying|notice|changes|changelog|citation|authors)(?![a-z])[^.]*(?:\.txt)?"
    r"|.*\.(?:md|rst|pdf|png|html?|bib|cff|py|sh|md5|sha256|crc|ya?ml)"
    r"|(?:dataset_infos?|dataset_dict|state)\.json|cache-[^/]*\.arrow|labels\.txt|stats\.xml|eval\.log|icon\r?|thumbs\.db|desktop\.ini"
    r"|_(?:success|started|committed|metadata|common_metadata).*",
    re.IGNORECASE,
)
"""Names of files that are about the data and not data."""
SPLITS = {
    "train": "train", "training": "train", "trainset": "train", "trn": "train",
    "dev": "dev", "devset": "dev", "devel": "dev", "development": "dev",
    "val": "dev", "valid": "dev", "validation": "dev",
    "test": "test", "testset": "test", "testing": "test", "tst": "test", "eval": "test",
}  # fmt: skip
"""Words of a name that say what a file is for."""
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_TAG = re.compile(r"(?<![A-Za-z0-9])([a-z]{2,3})([-_](?:[A-Z][a-z]{3}|[A-Z]{2}))?(?![A-Za-z0-9])")
"""`fr`, `fr-FR`, `swh_Latn`."""

Stems = Mapping[str, tuple[str, str]]
"""Path of each file to its path without suffix, and the suffix in lower case."""


def files_to_read(keys: Sequence[str], wanted: Wanted, where: str) -> list[str]:
    """The files of a folder that are to be read, in the order of their names.

    Args:
        keys: Paths of all files, relative to the folder.
        wanted: What to read.
        where: Path or URI of the folder, for errors.

    Raises:
        UserError: there is none, or no telling which; it names the files.
    """
    data = sorted((key for key in keys if not _is_about(key)), key=lambda key: key.split("/"))
    if not data:
        raise UserError("the directory holds no task file", where=where)
    if len(data) == 1:
        check_name(data[0], wanted, where)
        return data
    stems = {key: _stem(key) for key in data}
    try:
        _check_compressions(stems)
        return _published(stems, wanted) or exported(stems, wanted) or _own(stems, wanted)
    except UserError as error:
        raise UserError(error.message, where=where) from error


def _is_about(key: str) -> bool:
    """Whether a file is no data: hidden, of macOS or Hadoop (`_SUCCESS`), a README."""
    path = PurePosixPath(key)
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return hidden or _ABOUT.fullmatch(path.name) is not None


def _stem(key: str) -> tuple[str, str]:
    plain = plain_name(key)
    suffix = PurePosixPath(plain).suffix
    if suffix in SPLIT_SUFFIXES:
        return plain, ""
    return plain.removesuffix(suffix), suffix.lower()


def _check_compressions(stems: Stems) -> None:
    """One file plain and compressed is one file too many."""
    seen: dict[tuple[str, str], str] = {}
    for key, stem in stems.items():
        other = seen.setdefault(stem, key)
        if other != key:
            raise UserError(f"{other} and {key} seem to hold the same; keep one of them")


def _published(stems: Stems, wanted: Wanted) -> list[str]:
    """The file of a published data set; empty where the folder has others too.

    Raises:
        UserError: no file of it is meant, or several may be.
    """
    found = [(one, members_of(one, stems, wanted.format)) for one in LAYOUTS]
    known = {member.key for _, members in found for member in members}
    if known != set(stems):
        return []
    answers: list[list[str]] = []
    faults: list[UserError] = []
    # What is said of a data set that has such a split says more.
    for layout, members in sorted(found, key=lambda one: not one[0].asked(wanted.purpose)):
        if not members:
            continue
        try:
            answers.append(chosen(layout, members, wanted))
        except UserError as error:
            faults.append(error)
    several = sorted({key for answer in answers for key in answer})
    if len(several) > 1:
        raise UserError(f"{shown(several)} may all be meant; name the one to read")
    if not several:
        raise faults[0]
    return several


def _own(stems: Stems, wanted: Wanted) -> list[str]:
    """All files of a folder of one's own.

    Raises:
        UserError: it mixes formats, splits or languages.
    """
    suffixes = _SUFFIXES.get(wanted.format, TABLES)
    others = [key for key, (_, suffix) in stems.items() if suffix not in suffixes]
    if others:
        expected = f"{', '.join(suffixes)}, plain or compressed"
        message = f"{shown(others)} cannot be read as {wanted.format} data ({expected})"
        raise UserError(f"{message}; take them out, or name the file to read")
    by_stem: dict[str, list[str]] = defaultdict(list)
    by_split: dict[str, list[str]] = defaultdict(list)
    for key, (stem, _) in stems.items():
        by_stem[stem].append(key)
        words = {SPLITS.get(word.lower(), "") for word in _WORD.findall(stem)} - {""}
        by_split["/".join(sorted(words))].append(key)
    for same in by_stem.values():
        if len(same) > 1:
            raise UserError(f"{shown(same)} seem to hold the same; keep one of them")
    if len(by_split) > 1:
        examples = ", ".join(files[0] for files in by_split.values())
        message = f"the folder mixes splits or data sets ({examples})"
        raise UserError(f"{message}; name the one file to read, or give each a folder of its own")
    if several := _languages(stems):
        message = f"the folder mixes languages ({shown(several)})"
        raise UserError(f"{message}; name the one to read")
    return list(stems)


def _languages(stems: Stems) -> list[str]:
    """Files whose names differ in nothing but a language; empty if there are none.

    `aa`, `ab` ... are the parts that `split` writes, and no Afar and Abkhazian.
    """
    alike: dict[str, dict[str, str]] = defaultdict(dict)
    for key, (stem, _) in stems.items():
        for tag in _TAG.finditer(stem):
            if tag[1] in CODES or tag[2]:
                alike[f"{stem[: tag.start()]}*{stem[tag.end() :]}"][tag[0]] = key
        if len(tags := [tag[0] for tag in _TAG.finditer(stem) if tag[1] in CODES or tag[2]]) > 1:
            alike[_TAG.sub("*", stem)][" ".join(tags)] = key  # mlqa.ar.ar, mlqa.de.de
    for found in alike.values():
        if len(found) > 1 and "aa" not in found:
            return list(found.values())
    return []


def check_name(key: str, wanted: Wanted, where: str) -> None:
    """Refuse one test file whose published name says that it is in another language.

    Source-language files are the user's choice: bases are not all English.

    Raises:
        UserError: what the name says.
    """
    if wanted.purpose != "test":
        return
    for layout in LAYOUTS:
        for one in members_of(layout, {key: _stem(key)}, wanted.format):
            said = {"en"} if layout.english else {one.language, one.question} - {""}
            if said and not any(same_language(tag, wanted.language) for tag in said):
                message = f"the name of this file of {layout.name} says that it is in "
                message += f"'{min(said)}'; give the one in '{wanted.language}'"
                raise UserError(message, where=where)
