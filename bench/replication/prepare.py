"""The texts and tasks of a preset on the Bibles: fetched, written, cut."""

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from bench.replication.preset import ROOT, Preset, Run
from lingraft.plan import readings
from lingraft.store.uri import parse_uri

PART = re.compile(r"(?P<whole>.+)-(?P<part>\d+)th")
"""The stem of a file that is a part of another: `fr-4th`."""


def prepare(preset: Preset, runs: Iterable[Run]) -> None:
    """Fetch and write what is not there, where the preset is on the Bibles."""
    if not preset.on_bibles:
        return
    examples, data = ROOT / "examples", ROOT / ".demo"
    of_task = {task["name"]: task.get("languages", preset.languages) for task in preset.tasks}
    languages = list(dict.fromkeys(filter(None, [*preset.languages, preset.search_language])))
    commands = [["bible/prepare.py", "--languages", *languages]]
    if "paraphrase" in of_task:
        commands.append(["bible/paraphrase.py", "--languages", *of_task["paraphrase"]])
    if "sections" in of_task:
        commands.append(["debian/sections.py"])
    for script, *options in commands:
        place = data / Path(script).parent
        command = [sys.executable, str(examples / script), *options, "--out", str(place)]
        subprocess.run(command, check=True)
    uris = {one.uri for run in runs for one in readings(run.resource.spec)}
    for file in sorted(Path(str(parse_uri(uri))) for uri in uris):
        if named := PART.fullmatch(file.stem):
            whole = file.with_name(named["whole"] + file.suffix)
            write_part(whole, file, int(named["part"]))


def write_part(whole: Path, file: Path, part: int) -> None:
    """Every `part`-th piece of a file: chapters of a text, lines of a task's examples."""
    between = "\n" if whole.suffix == ".jsonl" else "\n\n"
    pieces = whole.read_text(encoding="utf-8").rstrip().split(between)
    text = between.join(pieces[::part]) + "\n"
    if file.exists() and file.read_text(encoding="utf-8") == text:
        return
    unfinished = file.with_name(file.name + ".part")  # another process may read the old one
    unfinished.write_text(text, encoding="utf-8", newline="\n")
    unfinished.replace(file)
