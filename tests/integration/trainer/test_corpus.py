"""The stage `corpus` on real files."""

import gzip
import hashlib
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from transformers import AutoTokenizer, BertConfig

from lingraft.errors import UserError
from lingraft_trainer.data import cleaned
from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.running.context import StageContext
from lingraft_trainer.stages.corpus import corpus
from lingraft_trainer.tokenization.swap import save_tokenizer
from tests.support.bases import BASES, SWAHILI

WORDS = [
    *SWAHILI,
    *["safari", "barabara", "mlima", "bahari", "ndege", "samaki", "mti", "jua", "mwezi", "nyota"],
]


def lines(count: int, seed: int = 0) -> list[str]:
    chance = random.Random(seed)
    return [" ".join(chance.choices(WORDS, k=12)) + f" {i}." for i in range(count)]


def run(
    text: Path, out: Path, others: dict[str, Path] | None = None, threads: int = 1, **params: Any
) -> tuple[Any, Path]:
    out.mkdir(parents=True)
    scratch = out.parent / f"{out.name}-scratch"
    scratch.mkdir()
    values: dict[str, Any] = {
        "language": "sw",
        "tokenizer": {"train": "unigram", "vocabSize": 60},
        "sequenceLength": 64,
        "heldoutShare": 0.05,
        "seed": 0,
    }
    ctx = StageContext(
        params=values | params,
        inputs={"text": text} | (others or {}),
        out=out,
        scratch=scratch,
        threads=threads,
    )
    return corpus(ctx), out


def save_base(folder: Path) -> None:
    """All of a BERT checkpoint that the corpus stage reads."""
    tokenizer = BASES["bert"]()
    save_tokenizer(tokenizer, folder)
    BertConfig(vocab_size=len(tokenizer)).save_pretrained(folder)


def said(result: Any, words: str) -> bool:
    return any(words in warning for warning in result.metrics["warnings"])


def digests(folder: Path) -> dict[str, str]:
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def write_all_formats(folder: Path) -> list[str]:
    """The same text spread over six files; returns it in (file, offset) order."""
    folder.mkdir()
    rows = lines(60)
    a, b, c, d, e, f = (rows[i * 10 : i * 10 + 10] for i in range(6))
    (folder / "a.txt").write_text("\n\n".join(a), encoding="utf-8")
    (folder / "b.txt.gz").write_bytes(gzip.compress("\n\n".join(b).encode()))
    zst = pa.CompressedOutputStream(str(folder / "c.jsonl.zst"), "zstd")
    zst.write("".join(json.dumps({"text": t}) + "\n" for t in c).encode())
    zst.close()
    (folder / "d.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in d))
    pq.write_table(pa.table({"text": e}), folder / "e.parquet")
    pq.write_table(pa.table({"text": f}), folder / "f.parquet")
    packed = gzip.compress((folder / "f.parquet").read_bytes())
    (folder / "f.parquet").unlink()
    (folder / "f.parquet.gz").write_bytes(packed)
    (folder / "README.md").write_text("not text")
    return rows


def pieces(packed: PackedText) -> list[list[int]]:
    tokens, segments = packed.take(np.arange(packed.rows))
    return [
        tokens[r][segments[r] == s].tolist()
        for r in range(packed.rows)
        for s in range(1, segments[r].max() + 1)
    ]


def test_all_formats_in_order_and_twice_the_same(tmp_path: Path) -> None:
    rows = write_all_formats(tmp_path / "text")
    result, out = run(tmp_path / "text", tmp_path / "one", heldoutShare=0.0)
    assert result.metrics["documents"] == result.metrics["paragraphs"] == 60
    assert result.metrics["files"] == 6
    assert said(result, "a vocabulary of 60 tokens has no room for bytes")
    assert said(result, "bytes are held out")
    tokenizer = AutoTokenizer.from_pretrained(out / "tokenizer")
    assert len(tokenizer) == 60
    train, heldout = PackedText(out / "train"), PackedText(out / "heldout")
    assert train.bytes + heldout.bytes == sum(len(r.encode()) for r in rows)
    # One document is held out; the others are in the files' order, each framed by itself.
    held = [tokenizer.decode(p, skip_special_tokens=True) for p in pieces(heldout)]
    got = "".join(tokenizer.decode(p, skip_special_tokens=True) for p in pieces(train))
    assert got.replace(" ", "") == "".join(r for r in rows if r != held[0]).replace(" ", "")
    assert all(p[0] == 0 and p[-1] == 2 for p in pieces(train))
    _, again = run(tmp_path / "text", tmp_path / "two", heldoutShare=0.0)
    assert digests(out) == digests(again)


def test_processes_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_all_formats(tmp_path / "text")
    monkeypatch.setattr(cleaned, "PART", 400)
    one, first = run(tmp_path / "text", tmp_path / "one")
    three, second = run(tmp_path / "text", tmp_path / "three", threads=3)
    assert digests(first) == digests(second)
    assert one.metrics == three.metrics
    assert three.compute.device_seconds == 3 * three.compute.seconds


def test_first_duplicate_wins_and_text_is_cleaned(tmp_path: Path) -> None:
    folder = tmp_path / "text"
    folder.mkdir()
    body = lines(80)
    twice = "Cafe\u0301 \t ni  kahawa\x00 nzuri sana <s> leo"
    (folder / "a.txt").write_text("\n\n".join([twice, *body[:40]]), encoding="utf-8")
    (folder / "b.txt").write_text(
        "\n\n".join(["Caf\u00e9 ni kahawa nzuri sana <s> leo", " \x01 ", *body[40:], body[0]]),
        encoding="utf-8",
    )
    result, out = run(folder, tmp_path / "out", heldoutShare=0.0)
    assert result.metrics["duplicates"] == 2 and result.metrics["paragraphs"] == 81
    tokenizer = AutoTokenizer.from_pretrained(out / "tokenizer")
    for piece in pieces(PackedText(out / "train")):
        assert piece.count(tokenizer.bos_token_id) == 1, "a spelled-out <s> became a token"


def test_lines_without_blank_lines_are_not_one_document(tmp_path: Path) -> None:
    text = tmp_path / "sw.txt"
    text.write_text("\n".join(lines(2500)), encoding="utf-8")
    result, out = run(text, tmp_path / "out")
    assert result.metrics["documents"] > 1
    assert PackedText(out / "heldout").rows > 0


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2])
def test_held_out_is_what_is_asked_and_said(tmp_path: Path, share: float) -> None:
    """Lines without blank lines, of which a third was held out once."""
    text = tmp_path / "sw.txt"
    text.write_text("\n".join(lines(1_500)), encoding="utf-8")
    result, out = run(text, tmp_path / "out", heldoutShare=share)
    train, heldout = PackedText(out / "train"), PackedText(out / "heldout")
    found = heldout.bytes / (train.bytes + heldout.bytes)
    assert abs(found - share) < 0.01
    assert result.metrics["heldoutShare"] == pytest.approx(found, abs=1e-6)
    assert result.metrics["heldoutBytes"] == heldout.bytes
    tokenizer = AutoTokenizer.from_pretrained(out / "tokenizer")
    kept = {tokenizer.decode(p, skip_special_tokens=True) for p in pieces(heldout)}
    kept &= set(lines(1_500))  # the others are cut
    read = " ".join(tokenizer.decode(p, skip_special_tokens=True) for p in pieces(train))
    assert len(kept) > 5 and not any(one in read for one in kept)


def test_a_giant_line_is_held_out_in_part(tmp_path: Path) -> None:
    """Beside three tiny ones, which once were all that was held out."""
    text = tmp_path / "sw.txt"
    text.write_text("\n".join([" ".join(lines(3_000)), "ok", "no", "yes"]), encoding="utf-8")
    result, _ = run(text, tmp_path / "out", heldoutShare=0.01)
    assert abs(result.metrics["heldoutShare"] - 0.01) < 0.005
    assert not said(result, "held out")


def test_a_single_paragraph_is_split(tmp_path: Path) -> None:
    text = tmp_path / "sw.txt"
    text.write_text(" ".join(lines(12)), encoding="utf-8")
    result, out = run(text, tmp_path / "out")
    train, heldout = PackedText(out / "train"), PackedText(out / "heldout")
    assert train.rows > heldout.rows > 0
    assert result.metrics["heldoutShare"] == pytest.approx(0.1, abs=0.01)
    (tmp_path / "word.txt").write_text("h")
    with pytest.raises(UserError, match="too short"):
        run(tmp_path / "word.txt", tmp_path / "word")


@pytest.mark.parametrize("bad", [b"\xff habari", b'{"text": null}', b"{", b"[1]"])
def test_a_bad_row_in_a_hundred_is_left_out_and_said(tmp_path: Path, bad: bytes) -> None:
    good = [json.dumps({"text": line}).encode() for line in lines(130)]
    (tmp_path / "a.jsonl").write_bytes(b"\n".join([*good[:50], bad, *good[50:]]))
    result, _ = run(tmp_path / "a.jsonl", tmp_path / "out")
    assert result.metrics["paragraphs"] == 130 and result.metrics["unusable"] == 1
    assert said(result, "1 of 131 rows were left out, the first at a.jsonl:51: ")
    (tmp_path / "b.jsonl").write_bytes(b"\n".join([bad, *good[:98]]))
    with pytest.raises(UserError, match="of 99 rows read 1 are unusable") as caught:
        run(tmp_path / "b.jsonl", tmp_path / "refused")
    assert caught.value.where == "b.jsonl:1"


def test_another_field_holds_the_text(tmp_path: Path) -> None:
    rows = [json.dumps({"content": line, "text": "url"}) for line in lines(60)]
    (tmp_path / "a.jsonl").write_text("\n".join(rows))
    result, _ = run(tmp_path / "a.jsonl", tmp_path / "out", textField="content")
    assert result.metrics["paragraphs"] == 60


def test_the_base_reads_what_is_held_out_in_its_own_tokens(tmp_path: Path) -> None:
    text = tmp_path / "sw.txt"
    text.write_text("\n".join(lines(300)), encoding="utf-8")
    save_base(tmp_path / "base")
    _, out = run(text, tmp_path / "out", {"base": tmp_path / "base"})
    ours, theirs = PackedText(out / "heldout"), PackedText(out / "heldout_base")
    assert ours.bytes == theirs.bytes
    assert theirs.vocab_size == len(AutoTokenizer.from_pretrained(tmp_path / "base"))
    base = {"source": "base"}
    _, same = run(text, tmp_path / "same", {"base": tmp_path / "base"}, tokenizer=base)
    assert not (same / "heldout_base").exists()


def test_what_a_tokenizer_does_not_know_is_said_and_much_of_it_refused(tmp_path: Path) -> None:
    """A Latin tokenizer on Cyrillic text had the best bits per byte of all."""
    text = tmp_path / "sw.txt"
    text.write_text("\n".join(lines(300)), encoding="utf-8")
    _, first = run(text, tmp_path / "first", tokenizer={"train": "unigram", "vocabSize": 60})
    others = {"tokenizer": first / "tokenizer"}
    mixed = [line + (" привет" if i % 5 == 0 else "") for i, line in enumerate(lines(300))]
    text.write_text("\n".join(mixed), encoding="utf-8")
    result, out = run(text, tmp_path / "mixed", others, tokenizer={"source": "uri"})
    rate = result.metrics["unknownRate"]
    assert 0.01 < rate < 0.2 and rate == PackedText(out / "train").unknown_rate
    assert said(result, "does not know")
    text.write_text("\n".join(f"привет мир {line[-3:]}" for line in lines(300)))
    with pytest.raises(UserError, match="at most 20% are taken: give another") as caught:
        run(text, tmp_path / "much", others, tokenizer={"source": "uri"})
    assert caught.value.where == "spec.tokenizer.uri"


def test_wrong_script_is_a_warning(tmp_path: Path) -> None:
    text = tmp_path / "ru.txt"
    text.write_text("\n\n".join(lines(60)), encoding="utf-8")
    result, _ = run(text, tmp_path / "out", language="ru")
    assert said(result, "Cyrillic")


def test_the_bases_single_characters_are_pieces(tmp_path: Path) -> None:
    text = tmp_path / "sw.txt"
    text.write_text("\n\n".join(lines(60)), encoding="utf-8")
    save_base(tmp_path / "base")
    _, out = run(text, tmp_path / "out", {"base": tmp_path / "base"})
    vocabulary = AutoTokenizer.from_pretrained(out / "tokenizer").get_vocab()
    assert {"'", ","} <= vocabulary.keys(), "the text has neither"


def test_bpe(tmp_path: Path) -> None:
    text = tmp_path / "sw.txt"
    text.write_text("\n\n".join(lines(60)), encoding="utf-8")
    result, out = run(text, tmp_path / "out", tokenizer={"train": "bpe", "vocabSize": 300})
    assert result.metrics["vocabulary"] == 300
    report = json.loads((out / "tokenizer_report.json").read_text())
    assert report["unknownRate"] == 0 and report["piecesPerWord"] > 1


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"habari\nya \xff leo", "a.txt:2: not UTF-8 at byte 10"),
        ("a.txt", b" \n\n", "empty"),
        (
            "a.jsonl",
            b'{"text": "habari"}\n{"txt": "x"}\n',
            'a.jsonl:2: the row has no field "text"',
        ),
        ("a.jsonl", b"{", "a.jsonl:1: not JSON"),
        ("a.parquet", b"PAR1nonsense", "a.parquet: cannot be read"),
        ("a.txt.gz", b"not gzip at all", "a.txt.gz: cannot be read"),
        ("a.csv", b"x", "it needs .txt, .jsonl, .parquet or .arrow"),
        ("README.txt", b"x", "README.txt, which is about others"),
    ],
)
def test_bad_text_is_named(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / name).write_bytes(content)
    with pytest.raises(UserError) as caught:
        run(tmp_path / "text", tmp_path / "out")
    assert message in str(caught.value)
    assert not list((tmp_path / "out").iterdir())


def test_vocabulary_larger_than_the_text_supports(tmp_path: Path) -> None:
    text = tmp_path / "sw.txt"
    text.write_text("\n\n".join(lines(60)), encoding="utf-8")
    with pytest.raises(UserError, match=r"set at most (\d+)") as caught:
        run(text, tmp_path / "out", tokenizer={"train": "unigram", "vocabSize": 5000})
    assert caught.value.where == "spec.tokenizer.train.vocabSize"
    most = int(caught.value.message.split("set at most ")[1].split(",")[0])
    result, _ = run(text, tmp_path / "out2", tokenizer={"train": "unigram", "vocabSize": most})
    assert result.metrics["vocabulary"] == most


@pytest.mark.parametrize("choice", [{"source": "base"}, {"source": "uri"}])
def test_ready_tokenizers(tmp_path: Path, choice: dict[str, str]) -> None:
    """BERT's own tokenizer, and a RoBERTa tokenizer laid under BERT's special tokens."""
    text = tmp_path / "sw.txt"
    text.write_text("\n\n".join(lines(60)), encoding="utf-8")
    others = {"base": tmp_path / "base", "tokenizer": tmp_path / "ready"}
    save_base(others["base"])
    save_tokenizer(BASES["roberta"](), others["tokenizer"])
    _, out = run(text, tmp_path / "out", others, tokenizer=choice)
    base, target = (AutoTokenizer.from_pretrained(f) for f in (others["base"], out / "tokenizer"))
    packed = PackedText(out / "train")
    assert packed.pad_id == base.pad_token_id and packed.vocab_size == len(target)
    assert packed.mask_id == target.mask_token_id
    assert {p[0] for p in pieces(packed)} == {target.cls_token_id}
    assert {p[-1] for p in pieces(packed)} == {target.sep_token_id}
    report = json.loads((out / "tokenizer_report.json").read_text())
    if choice["source"] == "base":
        assert target("habari ya")["input_ids"] == base("habari ya")["input_ids"]
        assert report["sharedWithBase"] == 1
    else:
        assert len(target) == 321 and target.cls_token == "[CLS]"
        assert 0 < report["sharedWithBase"] < 1
