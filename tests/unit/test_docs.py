"""Documents: every link leads somewhere, and pictures are those that are drawn."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from lingraft.resource import LanguageAdaptation

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
IMAGE = re.compile(r'src="([^"]+)"')


def slugs(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE):
        shown = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        found.add(re.sub(r"[^\w\- ]", "", shown).strip().replace(" ", "-"))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in [*LINK.findall(text), *IMAGE.findall(text)]:
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor and target.suffix == ".md":
            assert anchor in slugs(target), link


def test_pictures_are_those_that_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    import pictures  # type: ignore[import-not-found]

    monkeypatch.setattr(sys, "argv", ["pictures.py", str(tmp_path)])
    pictures.main()
    speed = (ROOT / "docs/speed.md").read_text(encoding="utf-8")
    for whole, mini in pictures.SPEED.values():
        assert f"| {whole}x | {mini}x |" in speed
    for name in ("curve.svg", "speed.svg"):
        drawn, kept = (folder / name for folder in (tmp_path, ROOT / "docs/pictures"))
        words = [
            re.findall(r">([^<\n]+)</text>", file.read_text(encoding="utf-8"))
            for file in (drawn, kept)
        ]
        assert words[0] == words[1], "python tools/pictures.py"


@pytest.mark.parametrize("picture", sorted((ROOT / "docs").rglob("*.svg")), ids=lambda p: p.name)
def test_pictures_load_nothing(picture: Path) -> None:
    text = picture.read_text(encoding="utf-8")
    names = set(re.findall(r"https?://[^\s\"')]+", text))
    assert names <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def commands() -> dict[str, set[str]]:
    """Every command of ours, such as `store ls`, and its options."""
    from typer.main import get_command

    from lingraft.cli import app

    found: dict[str, set[str]] = {}
    root: Any = get_command(app)
    for name, command in root.commands.items():
        for inner, one in getattr(command, "commands", {"": command}).items():
            found[f"{name} {inner}".strip()] = {flag for p in one.params for flag in p.opts}
    return found


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", ROOT / "docs/tutorial.md"], ids=lambda p: p.name
)
def test_commands_that_are_shown_exist(page: Path) -> None:
    known = commands()
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    shown = re.findall(r"^lingraft ([^#\n]+)", "".join(blocks), re.MULTILINE)
    assert shown
    for line in shown:
        words = line.split()
        name = next((n for n in (" ".join(words[:2]), words[0]) if n in known), None)
        assert name is not None, line
        flags = {word for word in words if re.fullmatch(r"--?[a-z][a-z-]*", word)}
        assert flags <= known[name], line


def test_the_tutorials_resource_is_valid() -> None:
    text = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")
    (resource,) = re.findall(r"```yaml\n(apiVersion.*?)```", text, re.DOTALL)
    LanguageAdaptation.model_validate(yaml.safe_load(resource), by_alias=True, by_name=False)
