"""A recording is what commands printed, in their order."""

import html
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_a_recording_shows_what_was_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    import recording  # type: ignore[import-not-found]

    out = tmp_path / "out.svg"
    said = r"embed: started\nembed: training  1/9  loss 3\nembed: training  9/9  loss 2\n"
    row = "verses   accuracy   0.016 ± 0.006   0.008   -   no room for this"
    sentence = "  <b> & " + " ".join(["word"] * 12)
    command = f"printf '{said}{row}\\n{sentence}\\n'"
    monkeypatch.setattr("sys.argv", ["recording.py", str(out), command, "true"])
    recording.main()
    shown = re.findall(r"<text[^>]*>(.*)</text>", out.read_text(encoding="utf-8"))
    typed = next(i for i, line in enumerate(shown) if line.startswith("embed"))
    assert shown[0].startswith("$ printf") and all(one.startswith("  ") for one in shown[1:typed])
    printed = shown[typed:]
    assert printed[0] == "embed: training  9/9  loss 2", "what was overtaken is left out"
    assert printed[1] == "verses   accuracy   0.016 ± 0.006   0.008   -   n…"
    assert printed[2].startswith("  &lt;b&gt; &amp; word") and printed[3].startswith("    word")
    assert " ".join(map(str.strip, printed[2:4])).count("word") == 12
    assert printed[4:] == ["", "$ true"]
    assert max(len(html.unescape(line)) for line in shown) <= recording.COLUMNS
    without = ["--without", "^(verses|embed)"]
    monkeypatch.setattr("sys.argv", ["recording.py", str(out), *without, command])
    recording.main()
    less = re.findall(r"<text[^>]*>(.*)</text>", out.read_text(encoding="utf-8"))
    assert less == [*shown[:typed], "…", *printed[2:4]]
    monkeypatch.setattr("sys.argv", ["recording.py", str(out), "exit 3"])
    with pytest.raises(SystemExit):
        recording.main()
