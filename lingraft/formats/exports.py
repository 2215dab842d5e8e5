"""Folders as `datasets` writes them: shards of splits, of which one split is read."""

import re
from collections import defaultdict
from collections.abc import Mapping

from lingraft.errors import UserError
from lingraft.formats.layouts import PURPOSES, shown
from lingraft.formats.wanted import Wanted

_SHARD = r"\d{5}-of-\d{5}"
_NAMES = (
    # `save_to_disk`: train/data-00000-of-00001.arrow; older versions wrote train/dataset.arrow.
    re.compile(rf"(?:(?P<folder>.+)/)?(?P<split>[^/]+)/(?:data-{_SHARD}|dataset)"),
    # The Hub: data/train-00000-of-00001.parquet, also with a hash at the end.
    re.compile(rf"(?:(?P<folder>.+)/)?(?P<split>[^/-]+)-{_SHARD}(?:-[0-9a-f]{{16}})?"),
)
_SPLITS = {"train": ("train",), "dev": ("validation", "dev", "valid"), "test": ("test",)}
"""By purpose, the first that is there."""


def exported(stems: Mapping[str, tuple[str, str]], wanted: Wanted) -> list[str]:
    """The shards of the split that is for a purpose; none if the folder is not of `datasets`.

    Args:
        stems: Path of each file to its path without suffix, and the suffix.
        wanted: What to read.

    Raises:
        UserError: several data sets lie in it, or none of its splits is for the purpose.
    """
    found = {key: _match(stem) for key, (stem, _) in stems.items()}
    splits: dict[str, list[str]] = defaultdict(list)
    folders: dict[str, str] = {}
    for key, match in found.items():
        if match is None:
            return []
        splits[match["split"]].append(key)
        folders.setdefault(match["folder"] or "", key)
    if len(splits) == 1:
        return []  # whatever it is called, it is what was asked for
    if len(folders) > 1:
        raise UserError(f"{shown(list(folders.values()))} are several data sets; name one folder")
    purpose = "test" if wanted.purpose == "sourceTest" else wanted.purpose
    split = next((one for one in _SPLITS[purpose] if one in splits), None)
    if split is None:
        message = f"no {PURPOSES[wanted.purpose]} data here: it has {', '.join(sorted(splits))}"
        raise UserError(f"{message}; name one file, or another folder")
    return sorted(splits[split])


def _match(stem: str) -> "re.Match[str] | None":
    return next((found for name in _NAMES if (found := name.fullmatch(stem))), None)
