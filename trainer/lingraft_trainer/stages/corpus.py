"""Stage `corpus`: text -> tokenizer and packed, deduplicated, tokenised rows."""

import json
import logging
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import PreTrainedTokenizerBase

from lingraft.errors import UserError
from lingraft.params import CorpusParams
from lingraft.stage import Compute, Progress, Result
from lingraft_trainer.data.cleaned import (
    Cleaned,
    clean_text,
    sample,
    sample_every,
    tokenise,
)
from lingraft_trainer.data.packing import PackedText, PackWriter
from lingraft_trainer.data.parallel import ordered
from lingraft_trainer.data.script import ScriptCheck
from lingraft_trainer.data.text import text_files
from lingraft_trainer.embeddings.surface import single_characters
from lingraft_trainer.local_ray import running_ray
from lingraft_trainer.tokenization.base import load_base_tokenizer, size_of
from lingraft_trainer.tokenization.load import load_tokenizer
from lingraft_trainer.tokenization.report import tokenizer_report
from lingraft_trainer.tokenization.special import (
    SpecialTokens,
    default_special_tokens,
    special_tokens_of,
)
from lingraft_trainer.tokenization.swap import relay, save_tokenizer
from lingraft_trainer.tokenization.train import train_tokenizer

if TYPE_CHECKING:
    from lingraft_trainer.context import StageContext

SAMPLE = 256 << 20
"""Characters a tokenizer is trained on, at most: of more text every n-th paragraph is taken."""
REPORTED = 1 << 20  # characters
MOST_HELDOUT = 2_000  # rows

log = logging.getLogger(__name__)


def corpus(ctx: "StageContext") -> Result:
    """Clean and deduplicate the text, get a tokenizer for it, tokenise and pack it."""
    started = time.monotonic()
    params = CorpusParams.model_validate(ctx.params)
    files = text_files(ctx.inputs["text"])
    base = load_base_tokenizer(ctx.inputs["base"]) if "base" in ctx.inputs else None
    special = special_tokens_of(base) if base is not None else default_special_tokens()
    if base is None:
        special = special.with_max_length(params.sequence_length)
    script = ScriptCheck(params.language)

    with running_ray(), tempfile.TemporaryDirectory(dir=ctx.scratch) as folder:
        ctx.report(Progress(step=0, steps=3, phase="reading and cleaning text"))
        cleaned = clean_text(files, special.ids, Path(folder), script)
        ctx.report(Progress(step=1, steps=3, phase="tokenizer"))
        tokenizer = _tokenizer(ctx, params, special, base, cleaned)
        save_tokenizer(tokenizer, ctx.out / "tokenizer")
        ctx.report(Progress(step=2, steps=3, phase="tokenising and packing"))
        train, heldout = _pack(cleaned, tokenizer, params, ctx.out)
        report = tokenizer_report(
            tokenizer,
            sample(cleaned, REPORTED),
            sequence_length=params.sequence_length,
            base=base,
        )
    text = json.dumps(report, indent=2, sort_keys=True) + "\n"
    (ctx.out / "tokenizer_report.json").write_text(text, encoding="utf-8")

    warnings = [warning] if (warning := script.warning()) else []
    for warning in warnings:
        log.warning("corpus: %s", warning)
    ctx.report(Progress(step=3, steps=3, phase="done"))
    seconds = time.monotonic() - started
    return Result(
        metrics={
            "files": len(files),
            "documents": cleaned.documents,
            "paragraphs": cleaned.paragraphs,
            "duplicates": cleaned.duplicates,
            "rows": train.rows,
            "tokens": train.tokens,
            "bytes": train.bytes,
            "heldoutRows": heldout.rows,
            "heldoutTokens": heldout.tokens,
            "vocabulary": len(tokenizer),
            "tokenizerSampleEvery": sample_every(cleaned, SAMPLE),
            "tokenizer": report,
            "warnings": warnings,
        },
        compute=Compute(
            tokens=train.tokens + heldout.tokens, seconds=seconds, device_seconds=seconds
        ),
    )


def _tokenizer(
    ctx: "StageContext",
    params: CorpusParams,
    special: SpecialTokens,
    base: PreTrainedTokenizerBase | None,
    cleaned: Cleaned,
) -> PreTrainedTokenizerBase:
    choice = params.tokenizer
    if choice.source == "base":
        assert base is not None, "the base's own tokenizer needs the input base"
        return base
    if choice.source == "uri":
        return relay(load_tokenizer(ctx.inputs["tokenizer"]), special)
    assert choice.train is not None and choice.vocab_size is not None
    return train_tokenizer(
        sample(cleaned, SAMPLE),
        type=choice.train,
        vocab_size=choice.vocab_size,
        template=special,
        seed=params.seed,
        language=params.language,
        characters=() if base is None else single_characters(base),
    )


def _pack(
    cleaned: Cleaned, tokenizer: PreTrainedTokenizerBase, params: CorpusParams, out: Path
) -> tuple[PackedText, PackedText]:
    """Pass 2: tokenise in parallel and pack, a share of the documents held out.

    Which are held out depends on their text. At least one is: the one of the smallest chance,
    or, where there is a single document, its last tenth.
    """
    writers = {name: _writer(out / name, tokenizer, params) for name in ("train", "heldout")}
    train, heldout = writers["train"], writers["heldout"]
    path = str(out / "tokenizer" / "tokenizer.json")
    for table in ordered(partial(tokenise, tokenizer=path), cleaned.parts):
        columns = (table.column(name).to_pylist() for name in ("ids", "bytes", "chance"))
        for ids, size, chance in zip(*columns, strict=True):
            if cleaned.documents == 1:
                cut = len(ids) - max(1, len(ids) // 10)
                train_bytes = round(size * cut / max(1, len(ids)))
                train.add(ids[:cut], train_bytes)
                heldout.add(ids[cut:], size - train_bytes)
            elif chance == cleaned.least_chance or (
                chance < params.heldout_share and heldout.rows < MOST_HELDOUT
            ):
                heldout.add(ids, size)
            else:
                train.add(ids, size)
    for writer in writers.values():
        writer.close()
    if not train.rows:
        raise UserError("the text is too short to train on and hold some out", where="corpus")
    return PackedText(out / "train"), PackedText(out / "heldout")


def _writer(folder: Path, tokenizer: PreTrainedTokenizerBase, params: CorpusParams) -> PackWriter:
    framed = tokenizer("a", truncation=False, padding=False)
    own = [number is not None for number in framed.sequence_ids()]
    ids: list[int] = framed["input_ids"]
    first = own.index(True)
    last = len(own) - own[::-1].index(True)
    values: dict[str, Any] = {"pad_id": tokenizer.pad_token_id, "mask_id": tokenizer.mask_token_id}
    return PackWriter(
        folder,
        sequence_length=params.sequence_length,
        special_ids=tokenizer.all_special_ids,
        vocab_size=size_of(tokenizer),
        prefix=ids[:first],
        suffix=ids[last:],
        **values,
    )
