"""`lingraft run` on a base, and with a tokenizer, of the Hub's local cache."""

import os
import subprocess
import sys
from pathlib import Path

from bench.toy import write
from tests.support.hub import download


def run(file: Path, folder: Path) -> str:
    own = {"LINGRAFT_CACHE": str(folder / "cache"), "HF_HOME": str(folder / "hf")}
    environment = {name: value for name, value in os.environ.items() if "HUB" not in name}
    command = [sys.executable, "-m", "lingraft.cli", "run", "--plain", "-f", str(file)]
    done = subprocess.run(command, env=environment | own, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_run_on_the_cache_is_cached_for_a_folder_of_the_same_files(tmp_path: Path) -> None:
    file = write(tmp_path)
    place = download(tmp_path / "base", "org/toy", tmp_path / "hf/hub")
    assert (place / "model.safetensors").is_symlink()
    text = file.read_text()
    own = "tokenizer:\n    train:\n      vocabSize: 200\n"
    assert own in text and "uri: base/\n" in text
    said: dict[str, str] = {}
    for base in ("hf://org/toy", "base/"):
        tokenizer = f"tokenizer: {{uri: {base.replace('hf://', '')}}}\n"
        file.write_text(text.replace(own, tokenizer).replace("uri: base/\n", f"uri: {base}\n"))
        said[base] = run(file, tmp_path)
    assert "cached" not in said["hf://org/toy"]
    assert said["base/"].count("cached") == 4, "corpus, embed, finetune and graft"
