"""What a published data set's files are called."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from lingraft.formats.examples import Purpose

LANGUAGE = "(?P<language>[a-z]{2}(?:-[A-Za-z]+)?)"
FLORES = "(?P<language>[a-z]{3}_[A-Za-z][a-z]{3})"
"""`swh_Latn`."""
WHOLE = "whole"
"""The split of a file that is not one of several."""


@dataclass(frozen=True)
class Layout:
    """One published data set.

    Attributes:
        name: For people.
        formats: The task formats that read it.
        pattern: Of a file's path without suffix; its groups are `split` (without it the file is
            `whole`), `language` and, where questions may be in another one, `question`.
        splits: What is read for a purpose (`test` stands for `sourceTest` too): names of splits,
            the first that is there; of those joined by `|` only one may be there.
        suffixes: Of its files, the best first.
        english: Whether its texts are machine translations into English.
    """

    name: str
    formats: tuple[str, ...]
    pattern: str
    splits: Mapping[str, str] = field(default_factory=dict[str, str])
    suffixes: tuple[str, ...] = (".json",)
    english: bool = False

    def asked(self, purpose: Purpose) -> str:
        """The splits that are for a purpose; empty where it has none."""
        return self.splits.get("test" if purpose == "sourceTest" else purpose, "")

    def match(self, stem: str) -> "re.Match[str] | None":
        """Whether a path without its suffix is of this data set."""
        return re.search(rf"(?:^|/){self.pattern}$", stem)
