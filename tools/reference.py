"""docs/reference.md: every field that a user writes, from the models.

python tools/reference.py
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from lingraft.crd.fields import Field, find, walk

PAGE = Path(__file__).parents[1] / "docs" / "reference.md"
HEAD = """\
# Every field of a LanguageAdaptation

<!-- Written by tools/reference.py (`make generate`) from the models; do not edit. -->

`lingraft explain spec.mini` says the same in a terminal, `kubectl explain la.spec.mini` on a
cluster. A default in words is worked out when the file is planned: [defaults](defaults.md) says
how, `lingraft plan --json` what came out. On one machine a URI may also be a path, relative to the
file. A field that is neither required nor has a default is off when it is left out.
"""


def reference() -> str:
    """The page."""
    spec = find("spec")
    objects = [spec, *(field for field in walk(spec) if field.below)]
    return HEAD + "".join(_section(field) for field in objects)


def _section(field: Field) -> str:
    rows = "".join(f"| {' | '.join(row)} |\n" for row in _rows(field))
    return f"\n## {field.path}\n\n{field.meaning}\n\n{rows}"


def _rows(field: Field) -> Iterator[tuple[str, str, str, str]]:
    yield "field", "type", "default", "meaning"
    yield "---", "---", "---", "---"
    for one in sorted(field.below, key=lambda one: not one.required):
        default = "**required**" if one.required else _plain(one.default)
        kind = f"{one.type}; {one.bounds}" if one.bounds else one.type
        name = f"`{one.name}`"
        yield name, _plain(kind), default, _plain(one.meaning)


def _plain(text: str) -> str:
    """Nothing that Markdown would take for its own."""
    return text.replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")


def main() -> int:
    """Write it."""
    PAGE.write_text(reference(), encoding="utf-8")
    print(PAGE.relative_to(PAGE.parents[1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
