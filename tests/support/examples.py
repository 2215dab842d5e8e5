"""The resources among the files of `examples/`."""

import re
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "examples"
EXAMPLES = [
    file
    for file in sorted(FOLDER.rglob("*.yaml"))
    if re.search("^kind: LanguageAdaptation$", file.read_text(), re.MULTILINE)
]
