"""Whether a tag may become a release: python3 tools/release.py v1.2.3.

Only the standard library is used: the workflow runs it before anything is installed.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLACES = {
    "lingraft/__init__.py": r'^__version__ = "([^"]+)"$',
    "helm/lingraft/Chart.yaml": r"^version: (\S+)$",
    "helm/lingraft/Chart.yaml appVersion": r"^appVersion: (\S+)$",
    "CHANGELOG.md": r"^## (\d\S*) — \d{4}-\d\d-\d\d$",
}
"""Where a version stands; the first one of a file counts."""


def faults(tag: str, texts: dict[str, str]) -> list[str]:
    """What speaks against it, a sentence each.

    Args:
        tag: Such as v1.2.3.
        texts: What stands in each of `PLACES`.
    """
    if not re.fullmatch(r"v\d+\.\d+\.\d+(-[0-9a-z.]+)?", tag):
        return [f"{tag} is no version: give a tag such as v1.2.3"]
    found: list[str] = []
    for place, pattern in PLACES.items():
        match = re.search(pattern, texts[place], re.MULTILINE)
        if match is None:
            found.append(f"{place}: there is no dated version in it; write {tag.removeprefix('v')}")
        elif match[1] != tag.removeprefix("v"):
            found.append(f"{place}: it says {match[1]}, and the tag is {tag}")
    return found


def main() -> int:
    """Say what speaks against the tag."""
    texts = {place: (ROOT / place.split()[0]).read_text(encoding="utf-8") for place in PLACES}
    said = faults(sys.argv[1], texts)
    print("\n".join(said) or f"{sys.argv[1]} it is", file=sys.stderr)
    return bool(said)


if __name__ == "__main__":
    sys.exit(main())
