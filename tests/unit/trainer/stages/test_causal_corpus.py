"""The stage `corpus` under a causal base: documents apart, lines kept, the same bytes held out."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from lingraft.errors import UserError
from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.evaluation.heldout import IN_OWN_TOKENS
from lingraft_trainer.running.context import StageContext
from lingraft_trainer.stages.corpus import corpus
from lingraft_trainer.tokenization.causal import document_end
from lingraft_trainer.tokenization.swap import save_tokenizer
from tests.support.bases import BASES as MASKED
from tests.support.bases import NASTY, SWAHILI
from tests.support.causal import BASES, CHATML
from tests.support.texts import HARD

SIZE = 352
LINES = [
    " ".join(random.Random(i).choices([*SWAHILI, "été", "🙂", "각"], k=14)) + f" {i}."
    for i in range(240)
]
DOCUMENTS = [LINES[i : i + 12] for i in range(0, len(LINES), 12)]


def run(
    folder: Path,
    name: str,
    *,
    text: str | None = None,
    model_type: str = "llama",
    **changes: Any,
) -> tuple[Any, Path]:
    """The stage's result and its artifact."""
    base, out, scratch = (folder / one for one in ("base", "out", "scratch"))
    out.mkdir()
    scratch.mkdir()
    (folder / "text").mkdir()
    content = text or "\n\n".join("\n".join(document) for document in DOCUMENTS)
    (folder / "text" / "a.txt").write_text(content, encoding="utf-8")
    inputs = {"text": folder / "text", "base": BASES[name]().write(base)}
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps(config | {"model_type": model_type}))
    if (folder / "tokenizer").exists():
        inputs["tokenizer"] = folder / "tokenizer"
    params: dict[str, Any] = {
        "language": "sw",
        "tokenizer": {"train": "bpe", "vocabSize": SIZE},
        "sequenceLength": 64,
        "heldoutShare": 0.05,
        "heldOut": "Documents",
        "wholeDocuments": True,
        "seed": 0,
    }
    ctx = StageContext(params=params | changes, inputs=inputs, out=out, scratch=scratch)
    return corpus(ctx), out


def documents_of(packed: PackedText, tokenizer: Any, end: int) -> list[str]:
    """The texts of packed rows, put together again at their borders."""
    tokens, segments = packed.take(np.arange(packed.rows))
    found: list[str] = []
    held: list[int] = []
    for row, parts in zip(tokens, segments, strict=True):
        for number in range(1, int(parts.max()) + 1):
            piece = row[parts == number].tolist()
            assert not held or piece[0] == held[-1]
            held += piece[1:] if held else piece
            if held[-1] == end:
                found.append(tokenizer.decode(held[1:-1]))
                held = []
    assert not held
    return found


@pytest.mark.parametrize("name", BASES)
def test_documents_come_back_in_both_vocabularies(name: str, tmp_path: Path) -> None:
    result, out = run(tmp_path, name)
    assert result.metrics["vocabulary"] == SIZE and result.metrics["unknownRate"] == 0
    new = AutoTokenizer.from_pretrained(out / "tokenizer")
    own = AutoTokenizer.from_pretrained(tmp_path / "base")
    train, heldout, theirs = (
        PackedText(out / part) for part in ("train", "heldout", IN_OWN_TOKENS)
    )
    ends = [t.convert_tokens_to_ids(document_end(t)) for t in (new, own)]
    held = documents_of(heldout, new, ends[0])
    assert held and held == documents_of(theirs, own, ends[1])
    assert set(held) <= set(LINES)
    # Each is read from its beginning, whatever the rows that are trained on.
    assert train.sequence_length == 64 < heldout.sequence_length == theirs.sequence_length == 256
    assert heldout.bytes == theirs.bytes == sum(len(text.encode()) for text in held)
    of_held = [one for one in DOCUMENTS if not {*held}.isdisjoint(one)]
    assert sorted(held) == sorted(line for one in of_held for line in one)  # whole documents
    wanted = ["\n".join(one) for one in DOCUMENTS if one not in of_held]
    assert documents_of(train, new, ends[0]) == wanted
    assert train.bytes == sum(len(text.encode()) for text in wanted)
    report = json.loads((out / "tokenizer_report.json").read_text())
    assert report["writesAnything"] and report["unknownRate"] == 0


def test_documents_are_as_they_are_written(tmp_path: Path) -> None:
    """Long paragraphs in one line, lines that stood elsewhere; what is nothing new is left out."""
    long = [" ".join(LINES[i : i + 20]) for i in range(0, 120, 20)]
    assert all(len(one) > 1_000 for one in long)
    written = [
        f"{one}\n- Oui.\n{LINES[120 + i]}\n- Oui.\n{'字' * 1_200}" for i, one in enumerate(long)
    ]
    written += [f"- Oui.\n{line}\n- Oui." for line in LINES[130:]]
    nothing_new = [written[0], "- Oui.\n- Oui."]
    _, out = run(tmp_path, "smollm2", text="\n\n".join([*written, *nothing_new]))
    new = AutoTokenizer.from_pretrained(out / "tokenizer")
    end = new.convert_tokens_to_ids(document_end(new))
    train, held = (documents_of(PackedText(out / part), new, end) for part in ("train", "heldout"))
    wanted = [one for one in written if set(one.split("\n")).isdisjoint(held)]
    # The Chinese line is new in the first document alone, and too long to stand in the others.
    wanted = [
        one if not i else one.replace("\n" + "字" * 1_200, "") for i, one in enumerate(wanted)
    ]
    assert train == wanted
    lines = {line for one in written for line in one.split("\n")}
    assert held and set(held) <= lines and "- Oui." not in held


def test_a_text_that_spells_any_of_the_bases_special_tokens_has_none(tmp_path: Path) -> None:
    lines = [f"{line} <file_sep> <|im_end|> <|endoftext|>" for line in LINES]
    _, out = run(tmp_path, "smollm2", text="\n\n".join(lines))
    new = AutoTokenizer.from_pretrained(out / "tokenizer")
    own = AutoTokenizer.from_pretrained(tmp_path / "base")
    for tokenizer, part in ((new, "train"), (new, "heldout"), (own, IN_OWN_TOKENS)):
        tokens, segments = PackedText(out / part).take(np.arange(1))
        inner = tokens[segments == 1][1:-1]
        assert not set(inner.tolist()) & set(tokenizer.added_tokens_decoder)


def test_the_bases_own_text_in_its_own_tokens(tmp_path: Path) -> None:
    _, out = run(tmp_path, "llama-3", tokenizer={"source": "base"})
    own = AutoTokenizer.from_pretrained(tmp_path / "base")
    end = own.convert_tokens_to_ids("<|end_of_text|>")
    read, held = (documents_of(PackedText(out / part), own, end) for part in ("train", "heldout"))
    assert len(read) == sum({*held}.isdisjoint(one) for one in DOCUMENTS) < len(DOCUMENTS)
    assert not (out / IN_OWN_TOKENS).exists()


def test_another_tokenizer_stands_under_the_bases_tokens(tmp_path: Path) -> None:
    """Its pieces and how it cuts text, the base's tokens, frame and chat."""
    BASES["qwen"]().write(tmp_path / "tokenizer")
    _, out = run(tmp_path, "smollm2", tokenizer={"source": "uri"})
    new = AutoTokenizer.from_pretrained(out / "tokenizer")
    assert new.chat_template == CHATML and new.eos_token == "<|im_end|>"
    assert new.convert_ids_to_tokens([0, 1, 2]) == list(BASES["smollm2"]().kept)
    assert not {"<|fim_prefix|>", "<|image_pad|>"} & new.get_vocab().keys()
    pre = [
        json.loads((folder / "tokenizer.json").read_text())["pre_tokenizer"]
        for folder in (out / "tokenizer", tmp_path / "tokenizer")
    ]
    assert pre[0] == pre[1]


def test_another_tokenizer_that_is_no_bpe_is_refused(tmp_path: Path) -> None:
    save_tokenizer(MASKED["xlm-roberta"](), tmp_path / "tokenizer")
    with pytest.raises(UserError, match="its tokenizer is Unigram; a causal base") as refused:
        run(tmp_path, "smollm2", tokenizer={"source": "uri"})
    assert refused.value.where == "spec.tokenizer.uri"


def test_what_would_be_read_by_other_rules_is_refused(tmp_path: Path) -> None:
    """transformers makes a Qwen2Tokenizer of any vocabulary beside a Qwen2's config."""
    BASES["llama-3"]().write(tmp_path / "tokenizer")
    with pytest.raises(UserError, match="as a Qwen2Tokenizer, by whose rules") as refused:
        run(tmp_path, "qwen", model_type="qwen2", tokenizer={"source": "uri"})
    assert refused.value.where == "spec.tokenizer.uri"


def test_a_qwen2s_tokenizer_reads_the_same_beside_its_config(tmp_path: Path) -> None:
    _, out = run(tmp_path, "qwen", model_type="qwen2")
    ours = AutoTokenizer.from_pretrained(out / "tokenizer")
    (out / "tokenizer" / "config.json").write_text('{"model_type": "qwen2"}')
    theirs = AutoTokenizer.from_pretrained(out / "tokenizer")
    assert type(theirs).__name__ == "Qwen2Tokenizer" != type(ours).__name__
    texts = [*LINES, *HARD, *NASTY, "<|im_start|>x  2024 e\u0301<think>"]
    for read in (lambda t: t(texts)["input_ids"], lambda t: t.batch_decode(t(texts)["input_ids"])):
        assert read(theirs) == read(ours)


@pytest.mark.parametrize(
    "normalizer", [normalizers.Lowercase(), normalizers.NFKC(), normalizers.StripAccents()], ids=str
)
def test_another_tokenizer_that_changes_letters_is_refused(normalizer: Any, tmp_path: Path) -> None:
    """The model could never write them, and their bytes would count as predicted."""
    folder = tmp_path / "tokenizer"
    BASES["qwen"]().write(folder)
    backend = Tokenizer.from_file(str(folder / "tokenizer.json"))
    backend.normalizer = normalizers.Sequence([normalizers.NFD(), normalizer])
    backend.save(str(folder / "tokenizer.json"))
    with pytest.raises(UserError, match="could never write") as refused:
        run(tmp_path, "smollm2", tokenizer={"source": "uri"})
    assert refused.value.where == "spec.tokenizer.uri"


def test_another_tokenizer_that_lacks_bytes_is_refused(tmp_path: Path) -> None:
    backend = Tokenizer(models.BPE(unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.BpeTrainer(special_tokens=["[UNK]"], show_progress=False)
    backend.train_from_iterator(LINES[:4], trainer)
    words = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]")
    save_tokenizer(words, tmp_path / "tokenizer")
    with pytest.raises(UserError, match="has not all bytes of text") as error:
        run(tmp_path, "smollm2", tokenizer={"source": "uri"})
    assert error.value.where == "spec.tokenizer.uri"
