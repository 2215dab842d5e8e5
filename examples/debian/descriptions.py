"""What a Debian package's description says: its prose, its label, and a translation's own words."""

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from indexes import Package

CLASSES = {
    "admin": "admin kernel shells",
    "communication": "mail news comm hamradio",
    "desktop": "gnome kde xfce x11 gnustep",
    "development": "devel vcs interpreters",
    "fonts": "fonts localization",
    "games": "games",
    "graphics": "graphics",
    "multimedia": "sound video",
    "network": "net",
    "science": "science math education electronics",
    "text": "text tex editors",
    "web": "web httpd",
}
"""Class to its sections. Libraries, documentation and languages' modules are told by their form."""
LEAST_WORDS = 20
"""A description has to say something, after masking too."""
_TRIVIAL = re.compile(r"^lib|-(dev|doc|dbg|data|common|examples|l10n|i18n|locales?)\b")
_EMPTY = re.compile(r"meta-?\s?package|dummy|transitional", re.IGNORECASE)
_LISTED = re.compile(r"\s|[-*+o•·]\s")
_WORDS = re.compile(r"[^\W_]+")


class Described(NamedTuple):
    """The one package that a source is told by, its prose by language."""

    source: str
    label: str
    prose: dict[str, str]


def paragraphs(description: str) -> list[str]:
    """The synopsis and the long description's running text: no lists, nothing set apart."""
    synopsis, *lines = description.split("\n")
    found: list[list[str]] = [[f"{synopsis}."], []]
    for line in lines:
        if line.strip() in ("", "."):
            found.append([])
        elif not _LISTED.match(line):
            found[-1].append(line.strip())
    return [" ".join(lines) for lines in found if lines]


def words(text: str) -> list[str]:
    """The words of a text, without regard to case."""
    return _WORDS.findall(text.casefold())


def masked(text: str, original: str) -> str:
    """A translation without the words that its original has: names, jargon, what was left as is.

    A single letter stays: French needs it (`l'image`), and nothing is given away by it.
    """
    shared = {word for word in words(original) if len(word) > 1}
    left = _WORDS.sub(lambda m: "" if m[0].casefold() in shared else m[0], text)
    return " ".join(token.strip("-/_") for token in left.split() if _WORDS.search(token))


def described(packages: Iterable[Package]) -> list[Described]:
    """One package a source, the most translated, then the longest.

    Paragraphs that stand in several sources' descriptions ("... is part of the KDE project") are
    left out, flavours of one source too. What is masked is still to come.
    """
    labels = {section: label for label, names in CLASSES.items() for section in names.split()}
    mine = [
        package
        for package in packages
        if package.section in labels
        and not _TRIVIAL.search(package.name)
        and not _EMPTY.search(package.descriptions.get("en", "dummy"))
    ]
    sources: dict[str, set[str]] = defaultdict(set)
    for package in mine:
        for text in package.descriptions.values():
            for paragraph in paragraphs(text):
                sources[paragraph].add(package.source)
    best: dict[str, tuple[tuple[int, int, str], Described]] = {}
    for package in mine:
        prose = {
            language: " ".join(p for p in paragraphs(text) if len(sources[p]) == 1)
            for language, text in package.descriptions.items()
        }
        if len(words(prose["en"])) < LEAST_WORDS:
            continue
        rank = (len(prose), len(prose["en"]), package.name)
        if package.source not in best or rank > best[package.source][0]:
            one = Described(package.source, labels[package.section], prose)
            best[package.source] = rank, one
    return [one for _, one in best.values()]
