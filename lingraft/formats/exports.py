"""Folders as `datasets` writes them: shards of splits, of which one split is read."""

import re
from collections import defaultdict
from collections.abc import Mapping

from lingraft.errors import UserError
from lingraft.formats.layouts import PURPOSES, shown
from lingraft.formats.wanted import Wanted

_SHARD = r"\d{5}-of-(?P<count>\d{5})"
_NAMES = (
    # `save_to_disk`: train/data-00000-of-00001.arrow; older versions wrote train/dataset.arrow.
    re.compile(rf"(?:(?P<folder>.+)/)?(?P<split>[^/]+)/(?:data-{_SHARD}|dataset)"),
    # The Hub: data/train-00000-of-00001.parquet, also with a hash at the end.
    re.compile(rf"(?:(?P<folder>.+)/)?(?P<split>[^/-]+)-{_SHARD}(?:-(?P<hash>[0-9a-f]{{16}}))?"),
)
Stems = Mapping[str, tuple[str, str]]
"""Path of each file to its path without suffix, and the suffix."""
_SPLITS = {"train": ("train",), "dev": ("validation", "dev", "valid"), "test": ("test",)}
"""By purpose, the first that is there."""


def exported(stems: Stems, wanted: Wanted) -> list[str]:
    """The shards of the split that is for a purpose; none if the folder is not of `datasets`.

    Args:
        stems: Path of each file to its path without suffix, and the suffix.
        wanted: What to read.

    Raises:
        UserError: several data sets lie in it, none of its splits is for the purpose, or not all
            parts of one are there.
    """
    found = {key: _match(stem) for key, (stem, _) in stems.items()}
    splits: dict[str, list[str]] = defaultdict(list)
    folders: dict[str, str] = {}
    for key, match in found.items():
        if match is None:
            return []
        splits[match["split"]].append(key)
        folders.setdefault(match["folder"] or "", key)
    if len(folders) > 1:
        raise UserError(f"{shown(list(folders.values()))} are several data sets; name one folder")
    split = next(iter(splits))
    if len(splits) > 1:
        purpose = "test" if wanted.purpose == "sourceTest" else wanted.purpose
        there = (one for one in _SPLITS[purpose] if one in splits)
        if (split := next(there, "")) == "":
            message = f"no {PURPOSES[wanted.purpose]} data here: it has {', '.join(sorted(splits))}"
            raise UserError(f"{message}; name one file, or another folder")
    keys = sorted(splits[split])
    _check_shards({key: match for key, match in found.items() if match and key in keys}, stems)
    return keys


def _check_shards(found: Mapping[str, "re.Match[str]"], stems: Stems) -> None:
    """Refuse shards that are not all there, or of two writings of a split.

    Raises:
        UserError: names them.
    """
    sets: dict[tuple[str | None, ...], list[str]] = defaultdict(list)
    for key, match in found.items():
        groups = match.groupdict()
        sets[match.re.pattern, groups["count"], groups.get("hash"), stems[key][1]].append(key)
    if len(sets) > 1:
        several = [keys[0] for keys in sets.values()]
        raise UserError(f"{shown(several)} seem to hold the same; keep one of them")
    (((_, count, *_), keys),) = sets.items()
    if count is not None and len(keys) != int(count):
        message = f"{len(keys)} of {int(count)} parts are here, {shown(keys)} among them"
        raise UserError(f"{message}; bring the others, or name the file to read")


def _match(stem: str) -> "re.Match[str] | None":
    return next((found for name in _NAMES if (found := name.fullmatch(stem))), None)
