"""Two languages of one served body answer what transformers says of their whole checkpoints."""

import json
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import transformers

from lingraft_trainer.packs.load import write_full
from tests.support.packs import write_language
from tests.support.tiny import TARGET_TEXT, tiny_base

pytestmark = [pytest.mark.ray, pytest.mark.timeout(600)]
HERE = Path("examples/serve/here.py")
GREEK = ["γάτα", "και", "σκύλος", "στο", "χαλί", "1", "2", "3"]
WORDS = {"fr": TARGET_TEXT.split(), "el": GREEK}


def free_port() -> int:
    """One that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def served(base: Path, packs: list[Path], log: Path) -> Iterator[str]:
    """The example as a process; its URL."""
    port = free_port()
    command = [sys.executable, str(HERE), str(base), *map(str, packs), "--port", str(port)]
    with (
        log.open("w") as said,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            ready = any(line.startswith("ready at ") for line in process.stdout)
            assert ready, log.read_text()[-3000:]
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.terminate()
            process.wait(120)


def ask(url: str, body: dict[str, Any] | bytes) -> tuple[int, Any]:
    """Status and answer."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(url, data=data, timeout=120) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def alike(ours: Any, theirs: Any) -> bool:
    """Whether answers are the same, scores up to rounding: they were read in other batches."""
    if isinstance(theirs, float):
        return ours == pytest.approx(theirs, abs=1e-5)
    if isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(alike, ours, theirs))
    if isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(alike(ours[k], theirs[k]) for k in theirs)
    return ours == theirs


def test_each_request_is_read_in_its_language(tmp_path: Path) -> None:
    base = tiny_base("roberta", tmp_path / "base")
    packs = [write_language(base, tmp_path / name, name, words) for name, words in WORDS.items()]
    asked: list[dict[str, str]] = []
    expected: list[Any] = []
    for name, pack, words in zip(WORDS, packs, WORDS.values(), strict=True):
        write_full(base, pack, tmp_path / f"whole-{name}")
        whole = transformers.pipeline("fill-mask", model=str(tmp_path / f"whole-{name}"))
        for i in range(4):
            text = " ".join([*words[i : i + 3], "<mask>", words[i + 3]])
            asked.append({"language": name, "text": text})
            expected.append(whole(text))
    with served(base, packs, tmp_path / "log") as url:
        assert alike(ask(url, asked[0])[1], expected[0])
        mixed = [*range(0, len(asked), 2), *range(1, len(asked), 2)] * 3
        with ThreadPoolExecutor(8) as pool:  # at once: they are read together
            found = list(pool.map(lambda i: ask(url, asked[i]), mixed))
            bad = pool.submit(ask, url, {"language": "fr", "text": "le chat"})
        for i, (status, answer) in zip(mixed, found, strict=True):
            assert status == 200 and alike(answer, expected[i]), asked[i]
        status, answer = bad.result()
        assert status == 422 and "No mask_token" in answer["error"]
        assert ask(url, {"language": "sw", "text": "x"}) == (
            404,
            {"error": "no pack of sw; there are fr, el"},
        )
        assert ask(url, b"?")[0] == 422
        assert ask(url, {"language": "fr"}) == (422, {"error": "text: Field required"})
