"""The export reads the same in a process that never heard of this project."""

import json
import os
import subprocess
import sys
from pathlib import Path

from lingraft.families import FAMILIES
from lingraft_trainer.tokenization.special import default_special_tokens
from lingraft_trainer.tokenization.swap import save_tokenizer, swap
from lingraft_trainer.tokenization.train import train_tokenizer
from tests.support.bases import BASES, NASTY, TEXT
from tests.support.texts import HARD, WITH_BYTES, every_character, invented

MODEL_TYPES = ("", *(name for name in FAMILIES if name != "qwen2"))
"""Beside a Qwen2's config transformers makes a Qwen2Tokenizer of any vocabulary, by Qwen2's own
rules, which the tokenizer of a Qwen2 base keeps."""

READER = """
import json, sys
from transformers import AutoTokenizer
folders, texts = json.load(sys.stdin)
out = {}
for folder in folders:
    t = AutoTokenizer.from_pretrained(folder)
    rows = [t(x, return_offsets_mapping=True) for x in texts]
    said = [t.decode(r["input_ids"], skip_special_tokens=True) for r in rows]
    rows.append(t("habari ya", "mtoto mdogo", return_offsets_mapping=True))
    rows.append(t(texts, padding=True, truncation=True, max_length=8))
    out[folder] = [{k: v for k, v in r.items()} for r in rows] + [said,
        t.all_special_ids, t.model_max_length, t.model_input_names, t.padding_side, len(t)]
assert not any(m.startswith("lingraft") for m in sys.modules)
print(json.dumps(out))
"""


def expected(t, texts: list[str]) -> list[object]:  # type: ignore[no-untyped-def]
    rows: list[object] = [dict(t(x, return_offsets_mapping=True)) for x in texts]
    said = [t.decode(t(x)["input_ids"], skip_special_tokens=True) for x in texts]
    rows.append(dict(t("habari ya", "mtoto mdogo", return_offsets_mapping=True)))
    rows.append(dict(t(texts, padding=True, truncation=True, max_length=8)))
    rest = [t.all_special_ids, t.model_max_length, t.model_input_names, t.padding_side, len(t)]
    return json.loads(json.dumps([*rows, said, *rest]))


def test_autotokenizer_in_a_fresh_process(tmp_path: Path) -> None:
    """Every family, both kinds and the base's own tokenizer, beside every config.json."""
    special = default_special_tokens()
    texts = [*NASTY, *HARD, *TEXT[:5], "habari <mask> leo", "mtoto [MASK] leo"]
    with_bytes = train_tokenizer(
        invented(), type="unigram", vocab_size=WITH_BYTES, template=special
    )
    want: dict[str, list[object]] = {}
    for family, make in BASES.items():
        base = make()
        targets = {"base": base, "with bytes": swap(with_bytes, base)}
        for kind, size in (("unigram", 95), ("bpe", 320)):
            trained = train_tokenizer(TEXT, type=kind, vocab_size=size, template=special)  # type: ignore[arg-type]
            targets[kind] = swap(trained, base)
        for kind, target in targets.items():
            for model_type in MODEL_TYPES:
                folder = tmp_path / f"{family}-{kind}-{model_type}"
                save_tokenizer(target, folder)
                if model_type:
                    config = json.dumps({"model_type": model_type, "vocab_size": len(target)})
                    (folder / "config.json").write_text(config)
                want[str(folder)] = expected(target, texts)
    python = os.environ.get("LINGRAFT_TEST_OTHER_PYTHON", sys.executable)
    done = subprocess.run(
        [python, "-c", READER],
        input=json.dumps([list(want), texts]),
        capture_output=True,
        text=True,
        timeout=240,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout.splitlines()[-1])
    for folder, rows in want.items():
        assert got[folder] == rows, folder


WHOLE = """
import json, sys
from transformers import AutoTokenizer
texts = json.load(sys.stdin)
for folder in sys.argv[1:]:
    t = AutoTokenizer.from_pretrained(folder)
    ids = t(texts)["input_ids"]
    unknown = sum(row.count(t.unk_token_id) for row in ids)
    print(json.dumps([unknown, t.batch_decode(ids, skip_special_tokens=True)]))
"""


def test_all_of_unicode_comes_back_in_a_fresh_process(tmp_path: Path) -> None:
    special, texts = default_special_tokens(), every_character()
    read: list[list[str]] = []
    for kind, size in (("unigram", WITH_BYTES), ("bpe", 700)):
        made = train_tokenizer(invented(), type=kind, vocab_size=size, template=special)  # type: ignore[arg-type]
        target = swap(made, BASES["xlm-roberta"]())
        save_tokenizer(target, tmp_path / kind)
        normalizer = target.backend_tokenizer.normalizer  # type: ignore[attr-defined]
        read.append([normalizer.normalize_str(text).removeprefix(" ") for text in texts])
    done = subprocess.run(
        [sys.executable, "-c", WHOLE, str(tmp_path / "unigram"), str(tmp_path / "bpe")],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        timeout=240,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()] == [[0, text] for text in read]


def test_truncation_and_padding_switched_on_are_switched_off(tmp_path: Path) -> None:
    base = BASES["bert"]()
    base.backend_tokenizer.enable_truncation(4)  # type: ignore[attr-defined]
    base.backend_tokenizer.enable_padding(length=4)  # type: ignore[attr-defined]
    save_tokenizer(base, tmp_path)
    state = json.loads((tmp_path / "tokenizer.json").read_text())
    assert state["truncation"] is None and state["padding"] is None
