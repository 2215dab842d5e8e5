"""The Hub's local cache, as huggingface_hub lays it out; read here, never written, never fetched.

    <cache>/models--<org>--<name>/refs/<branch or tag>       the commit that it was at
    <cache>/models--<org>--<name>/snapshots/<commit>/<file>  a link to a blob of the cache

The operator's image has no huggingface_hub, and importing it takes longer than `lingraft validate`
may.
"""

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from lingraft.errors import UserError
from lingraft.hub.names import HubModel
from lingraft.selection import CONFIG, PICKLED, WEIGHTS, WEIGHTS_INDEX
from lingraft.store.disk import disk_errors

_COMMIT = re.compile("[0-9a-f]{40}")
REF_BYTES, INDEX_BYTES = 256, 16 << 20
"""At most so much of a ref, and of the list of a checkpoint's shards, is read."""
VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json", ".model")
"""How the name of a file ends without one of which there is no tokenizer."""


def hub_cache() -> Path:
    """Where huggingface_hub keeps what it downloads."""
    for name, below in (
        ("HF_HUB_CACHE", ""),
        ("HUGGINGFACE_HUB_CACHE", ""),
        ("HF_HOME", "hub"),
        ("XDG_CACHE_HOME", "huggingface/hub"),
    ):
        if given := os.environ.get(name):
            return Path(os.path.expandvars(given), below).expanduser().absolute()
    return Path.home() / ".cache/huggingface/hub"


def snapshot(model: HubModel, cache: Path, *, weights: bool) -> Path | None:
    """The folder with a model as it was downloaded; None where it was not.

    Args:
        model: Which.
        cache: Where.
        weights: Whether they are wanted, or the tokenizer alone.

    Raises:
        UserError: Not all of it is there, or a link in it leads out of the cache.
    """
    with disk_errors(cache):
        folder = _folder(model, cache)
        if folder is None:
            return None
        _check_links(folder, (cache.resolve(), folder.parents[1].resolve()))
        missing = _missing(folder, weights=weights)
        if missing:
            raise UserError(
                f"the local Hub cache has {model} without {', '.join(missing[:3])}; complete it "
                f"with: {model.download}{_else_convert(folder, missing)}"
            )
    return folder


def namesakes(model: HubModel, cache: Path) -> list[str]:
    """Repositories in the cache that have the same name, and another organisation or none."""
    with disk_errors(cache):
        folders = sorted(path.name for path in cache.glob(f"models--*{model.name}"))
        named = [HubModel(one.removeprefix("models--").replace("--", "/")) for one in folders]
        return [
            one.repository
            for one in named
            if one.name == model.name
            and one.repository != model.repository
            and _folder(one, cache) is not None
        ]


def _folder(model: HubModel, cache: Path) -> Path | None:
    """The snapshot of a model, whole or not."""
    home = cache / f"models--{model.repository.replace('/', '--')}"
    commit = _commit(home, model.revision or "main")
    folder = home / "snapshots" / commit
    return folder if commit and folder.is_dir() else None


def _commit(home: Path, revision: str) -> str:
    """The commit that a branch or tag was at, or that is named itself; empty if unknown."""
    try:
        with (home / "refs" / revision).open("rb") as stream:
            text = stream.read(REF_BYTES).decode("ascii", "replace").strip()
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        text = revision
    return text if _COMMIT.fullmatch(text) else ""


def _check_links(folder: Path, homes: Sequence[Path]) -> None:
    """Refuse what lies elsewhere: huggingface_hub's own links stay within the cache."""
    for path in (folder, *sorted(folder.rglob("*"))):
        target = path.resolve()
        if not any(target.is_relative_to(home) for home in homes):
            message = f"{path} leads out of the local Hub cache; remove it, and download it anew"
            raise UserError(message)


def _missing(folder: Path, *, weights: bool) -> list[str]:
    """What was not downloaded of what is read. Broken links are not there."""
    there = {path.name for path in folder.iterdir() if path.is_file()}
    found = [] if CONFIG in there else [CONFIG]
    if weights and WEIGHTS not in there:
        found += sorted(set(_shards(folder)) - there) if WEIGHTS_INDEX in there else [WEIGHTS]
    if not any(name.endswith(VOCABULARIES) for name in there):
        found.append(VOCABULARIES[0])
    return found


def _shards(folder: Path) -> Iterator[str]:
    """The files that an index names; none where it cannot be read, which is told elsewhere."""
    with (folder / WEIGHTS_INDEX).open("rb") as stream:
        text = stream.read(INDEX_BYTES)
    try:
        content: Any = json.loads(text)
        places = cast(dict[str, Any], content["weight_map"])
        yield from (str(name) for name in places.values())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return


def _else_convert(folder: Path, missing: Sequence[str]) -> str:
    """What helps where the repository has no other weights."""
    if WEIGHTS not in missing or not any(one.name.endswith(PICKLED) for one in folder.iterdir()):
        return ""
    return f", or, if the Hub has no {WEIGHTS} of it, convert it with save_pretrained(...)"
