"""Stage `corpus`: text -> tokenizer and packed, deduplicated, tokenised rows."""

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from lingraft.errors import UserError
from lingraft.params import CorpusParams
from lingraft.stage import Compute, Progress, Result
from lingraft_trainer.data.cleaned import Cleaned, clean_text, sample, sample_every
from lingraft_trainer.data.packing import PackedText, PackWriter
from lingraft_trainer.data.script import ScriptCheck
from lingraft_trainer.data.text_file import text_files
from lingraft_trainer.data.tokenised import pack, pack_paragraphs
from lingraft_trainer.embeddings.surface import single_characters
from lingraft_trainer.evaluation.heldout import IN_OWN_TOKENS
from lingraft_trainer.models.checkpoint import read_config
from lingraft_trainer.tokenization.base import is_causal, keeps_padding, load_base_tokenizer
from lingraft_trainer.tokenization.beside import refuse_lossy, refuse_other_reading
from lingraft_trainer.tokenization.bpe_like import has_all_bytes
from lingraft_trainer.tokenization.causal import (
    causal_special_tokens,
    refuse_other_models,
    spelled_out,
)
from lingraft_trainer.tokenization.frame import frame_of
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
    from lingraft_trainer.running.context import StageContext

SAMPLE = 256 << 20
"""Characters a tokenizer is trained on, at most: of more text every n-th paragraph is taken."""
REPORTED = 1 << 20  # characters
MOST_HELDOUT = 2_000  # rows, at four bytes a token
MOST_HELDOUT_CAUSAL = 1 << 16
"""Bytes: a causal model tells every token of them, by its whole head."""
SCORED_LENGTH = 1_024
"""Tokens of a row of held-out causal text, as far as the base has positions."""
TRAIN = "train"
LEAST_HELDOUT = 1_000
"""Bytes, below which it is said that there are few."""
UNKNOWN_SAID, UNKNOWN_REFUSED = 0.01, 0.2
"""Shares of the text's bytes."""


def corpus(ctx: "StageContext") -> Result:
    """Clean and deduplicate the text, get a tokenizer for it, tokenise and pack it."""
    started = time.monotonic()
    params = CorpusParams.model_validate(ctx.params)
    files = text_files(ctx.inputs["text"])
    base = load_base_tokenizer(ctx.inputs["base"]) if "base" in ctx.inputs else None
    causal = base is not None and is_causal(ctx.inputs["base"])
    special = _special(ctx, params, base, causal=causal)
    script = ScriptCheck(params.language)

    with tempfile.TemporaryDirectory(dir=ctx.scratch) as name:
        folder = Path(name)
        ctx.report(Progress(step=0, steps=3, phase="reading and cleaning text"))
        cleaned = clean_text(
            files,
            {*special.ids, *(spelled_out(base) if base is not None and causal else ())},
            folder,
            script,
            text_field=params.text_field,
            whole=params.whole_documents,
            processes=ctx.threads,
        )
        ctx.report(Progress(step=1, steps=3, phase="tokenizer"))
        warnings: list[str] = []
        tokenizer = _tokenizer(ctx, params, special, base, cleaned, warnings.append, causal=causal)
        save_tokenizer(tokenizer, ctx.out / "tokenizer")
        some = list(sample(cleaned, REPORTED))
        if base is not None and params.tokenizer.source != "base":
            refuse_other_reading(tokenizer, read_config(ctx.inputs["base"]).model_type, some)
        ctx.report(Progress(step=2, steps=3, phase="tokenising and packing"))
        train, heldout = _pack(ctx, params, cleaned, tokenizer, base, folder, causal=causal)
        report = tokenizer_report(
            tokenizer,
            some,
            sequence_length=params.sequence_length,
            base=base,
        )
    text = json.dumps(report, indent=2, sort_keys=True) + "\n"
    (ctx.out / "tokenizer_report.json").write_text(text, encoding="utf-8")

    # First: a text of which nothing is known packs to nothing, and is not short.
    unknown = _check_unknown(train, params)
    if not (train.rows and heldout.rows):
        raise UserError("the text is too short to train on and hold some out", where="corpus")
    share = heldout.bytes / (train.bytes + heldout.bytes)
    few = _few_held_out(heldout, share, params)
    warnings += filter(None, (script.warning(), unknown, _left_out(cleaned), few))
    ctx.report(Progress(step=3, steps=3, phase="done"))
    seconds = time.monotonic() - started
    return Result(
        metrics={
            "files": len(files),
            "documents": cleaned.documents,
            "paragraphs": cleaned.paragraphs,
            "duplicates": cleaned.duplicates,
            "unusable": cleaned.tally.unusable,
            "rows": train.rows,
            "tokens": train.tokens,
            "bytes": train.bytes,
            "heldoutRows": heldout.rows,
            "heldoutTokens": heldout.tokens,
            "heldoutBytes": heldout.bytes,
            "heldoutShare": round(share, 6),
            "unknownRate": train.unknown_rate,
            "vocabulary": len(tokenizer),
            "tokenizerSampleEvery": sample_every(cleaned, SAMPLE),
            "tokenizer": report,
            "warnings": warnings,
        },
        compute=Compute(
            tokens=train.tokens + heldout.tokens,
            seconds=seconds,
            device_seconds=seconds * min(ctx.threads, len(cleaned.parts)),
        ),
    )


def _special(
    ctx: "StageContext",
    params: CorpusParams,
    base: PreTrainedTokenizerFast | None,
    *,
    causal: bool,
) -> SpecialTokens:
    if base is None:
        return default_special_tokens(params.sequence_length)
    if causal:
        return causal_special_tokens(base, ctx.inputs["base"])
    return special_tokens_of(base, keep_pad=keeps_padding(ctx.inputs["base"]))


def _tokenizer(
    ctx: "StageContext",
    params: CorpusParams,
    special: SpecialTokens,
    base: PreTrainedTokenizerFast | None,
    cleaned: Cleaned,
    warn: Callable[[str], None],
    *,
    causal: bool,
) -> PreTrainedTokenizerBase:
    choice = params.tokenizer
    if choice.source == "base":
        assert base is not None, "the base's own tokenizer needs the input base"
        return base
    if choice.source == "uri":
        loaded = load_tokenizer(ctx.inputs["tokenizer"])
        if causal:
            state = json.loads(loaded.backend_tokenizer.to_str())
            refuse_other_models(state["model"], where="spec.tokenizer.uri")
            if not has_all_bytes(state):
                raise UserError(
                    "it has not all bytes of text, some of which would be lost: give another, or "
                    "none to have one trained",
                    where="spec.tokenizer.uri",
                )
            refuse_lossy(loaded)
        return relay(loaded, special)
    assert choice.train is not None and choice.vocab_size is not None
    return train_tokenizer(
        sample(cleaned, SAMPLE),
        type=choice.train,
        vocab_size=choice.vocab_size,
        template=special,
        seed=params.seed,
        language=params.language,
        characters=() if base is None else single_characters(base),
        like=base.backend_tokenizer if base is not None and causal else None,
        warn=warn,
    )


def _pack(
    ctx: "StageContext",
    params: CorpusParams,
    cleaned: Cleaned,
    tokenizer: PreTrainedTokenizerBase,
    base: PreTrainedTokenizerBase | None,
    folder: Path,
    *,
    causal: bool,
) -> tuple[PackedText, PackedText]:
    """Pass 2: tokenise and pack, a share of the paragraphs held out.

    Of a causal base whole documents. Those are packed in the base's own tokens too, to score the
    base that was not adapted; a causal one reads each of their paragraphs from its beginning, for
    in other tokens a row holds more or less of it.
    """

    def writer(name: str, words: PreTrainedTokenizerBase) -> PackWriter:
        frame = vars(frame_of(words, causal=causal))
        length, whole = params.sequence_length, causal and name != TRAIN
        if whole:
            most = read_config(ctx.inputs["base"]).max_position_embeddings
            length = max(length, min(SCORED_LENGTH, most))
        return PackWriter(ctx.out / name, sequence_length=length, whole=whole, **frame)

    # A causal model has to learn where lines end; to a masked one that would be one token more.
    between = "\n" if causal else " "
    most = MOST_HELDOUT_CAUSAL if causal else MOST_HELDOUT * params.sequence_length * 4
    # What a causal model has read of a document tells it much of the rest: its names, its words.
    documents = params.held_out == "Documents"
    chosen = cleaned.held_out(params.heldout_share, most, whole=documents)
    train = writer(TRAIN, tokenizer)
    path = ctx.out / "tokenizer" / "tokenizer.json"
    held = pack(cleaned, path, chosen, train, folder, between=between, processes=ctx.threads)
    train.close()
    pack_paragraphs(held, path, writer("heldout", tokenizer))
    if base is not None and params.tokenizer.source != "base":
        own = folder / "base"
        save_tokenizer(base, own)
        pack_paragraphs(held, own / "tokenizer.json", writer(IN_OWN_TOKENS, base))
    return PackedText(ctx.out / "train"), PackedText(ctx.out / "heldout")


def _check_unknown(train: PackedText, params: CorpusParams) -> str | None:
    """A warning where the tokenizer does not know some of the text; refused if it is much."""
    rate = train.unknown_rate
    if rate <= UNKNOWN_SAID:
        return None
    whose, what, where = {
        "base": ("the base's tokenizer", "give text in its language", "spec.mini.text.uri"),
        "uri": ("the tokenizer", "give another, or none to have one trained", "spec.tokenizer.uri"),
        None: ("the tokenizer", "allow a larger one", "spec.tokenizer.train.vocabSize"),
    }[params.tokenizer.source]
    said = f"{whose} does not know {rate:.1%} of the text's bytes"
    if rate > UNKNOWN_REFUSED:
        message = f"{said}, and at most {UNKNOWN_REFUSED:.0%} are taken: {what}"
        raise UserError(message, where=where)
    return f"{said}: look at {where}"


def _few_held_out(heldout: PackedText, share: float, params: CorpusParams) -> str | None:
    asked = params.heldout_share
    if heldout.bytes >= LEAST_HELDOUT and share <= asked + 0.01:
        return None
    return (
        f"{heldout.bytes:,} bytes are held out, {share:.1%} of the text where {asked:.0%} was "
        "meant: of so little or so coarse a text their score says little"
    )


def _left_out(cleaned: Cleaned) -> str | None:
    tally = cleaned.tally
    if not tally.unusable:
        return None
    return (
        f"{tally.unusable:,} of {tally.rows:,} rows were left out, the first at {tally.where}: "
        f"{tally.why}"
    )
