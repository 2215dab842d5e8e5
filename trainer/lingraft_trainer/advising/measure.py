"""What `lingraft advise` measures: by the corpus stage's own code, of some of the text."""

import math
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from lingraft.advice import Findings, Fit
from lingraft.params import CorpusParams, EmbedParams
from lingraft.plan import Plan
from lingraft.plan.costs import costs_of
from lingraft.plan.estimate import estimate
from lingraft.planning import manifests_of
from lingraft.resource import LanguageAdaptationSpec
from lingraft.store import open_store
from lingraft_trainer.data.cleaned import Cleaned, clean_text, sample
from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.data.script import ScriptCheck
from lingraft_trainer.data.text_file import TextFile, text_files
from lingraft_trainer.embeddings.surface import is_text, surfaces
from lingraft_trainer.evaluation.heldout import IN_OWN_TOKENS
from lingraft_trainer.machine.cores import usable_cores
from lingraft_trainer.models.checkpoint import load_lm
from lingraft_trainer.running.context import StageContext
from lingraft_trainer.running.inputs import fetch_input
from lingraft_trainer.stages.corpus import REPORTED, corpus
from lingraft_trainer.tokenization.base import is_causal, load_base_tokenizer
from lingraft_trainer.tokenization.load import load_tokenizer
from lingraft_trainer.tokenization.report import tokenizer_report
from lingraft_trainer.training.lm import heldout_score

MOST_READ = 64 << 20
"""Bytes of files, or the first file."""
SCORED = 32 << 10
"""Bytes of held-out text that the untouched base tells."""
HOLDER = "advise"


def measure(spec: LanguageAdaptationSpec, plan: Plan) -> Findings:
    """Read some of the text, train a tokenizer for it, and score the untouched base.

    Args:
        spec: The resource's.
        plan: Its plan.

    Raises:
        UserError: The text or the base cannot be used.
        InfrastructureError: The base is pretrained by the plan, and that is not done yet.
    """
    # It tells of long texts, which are only counted here, and draws bars.
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    store = open_store(plan.store)
    stage = plan.spec(plan["corpus"], HOLDER)
    graft = plan.spec(plan["graft"], HOLDER)
    inputs = {name: fetch_input(stage, store, name) for name in stage.stage.inputs}
    base = fetch_input(graft, store, "base")
    with tempfile.TemporaryDirectory(prefix="lingraft-advise-") as name:
        folder = Path(name)
        files = text_files(inputs["text"])
        some = chosen(files)
        inputs["text"] = _linked(some, folder / "text")
        params = CorpusParams.model_validate(stage.stage.params)
        size = sum(file.bytes for file in some)
        share = min(params.heldout_share, SCORED / max(size, 1))
        short = params.model_copy(update={"heldout_share": share})
        scratch, out = folder / "scratch", folder / "out"
        scratch.mkdir()
        out.mkdir()
        ctx = StageContext(
            params=short.model_dump(mode="json", by_alias=True),
            inputs=inputs,
            refs=stage.stage.inputs,
            out=out,
            scratch=scratch,
            threads=usable_cores(),
        )
        made = corpus(ctx).metrics
        script = ScriptCheck(params.language)
        cleaned = _cleaned(text_files(inputs["text"]), params, script, folder / "again")
        texts = list(sample(cleaned, REPORTED))
        own = load_base_tokenizer(base)
        new = load_tokenizer(out / "tokenizer")
        held = out / IN_OWN_TOKENS
        costs = costs_of(plan)
        planned = plan.stages
        flops = sum(one.flops for one in planned)
        source = stage.sources[stage.stage.inputs["text"].partition("/")[2]]
        paragraphs = made["paragraphs"] + made["duplicates"]
        mine = surfaces(new)
        return Findings(
            language=spec.language,
            causal=is_causal(base),
            method=spec.method,
            init=EmbedParams.model_validate(plan["embed"].stage.params).init,
            source_text=any(one.name.endswith("-corpus") for one in planned),
            text_bytes=source.text_bytes,
            read_bytes=size,
            duplicates=made["duplicates"] / max(paragraphs, 1),
            script=_in_script(script),
            base=fit(own, texts),
            new=fit(new, texts),
            shared=len(mine.keys() & surfaces(own).keys()),
            spelled=spelled(mine, own),
            untouched=_untouched(base, held if held.is_dir() else out / "heldout"),
            words=bits_of_words(new, texts),
            flops=flops,
            flops_standard=flops - costs.total + costs.step2_standard,
            device_hours=estimate(plan, manifests_of(plan), ()).device_seconds / 3600,
        )


def chosen(files: Sequence[TextFile]) -> list[TextFile]:
    """Files from all over a corpus, of `MOST_READ` bytes together at most; one at least."""
    total = sum(file.bytes for file in files)
    if total <= MOST_READ:
        return list(files)
    every = -(-total // MOST_READ)
    found: list[TextFile] = []
    size = 0
    for file in files[::every]:
        if found and size + file.bytes > MOST_READ:
            break
        found.append(file)
        size += file.bytes
    return found


def _linked(files: Sequence[TextFile], folder: Path) -> Path:
    """A folder with these files, and no copy of them."""
    folder.mkdir()
    for number, file in enumerate(files):
        (folder / f"{number:06d}-{Path(file.path).name}").symlink_to(Path(file.path).resolve())
    return folder


def _cleaned(
    files: Sequence[TextFile], params: CorpusParams, script: ScriptCheck, folder: Path
) -> Cleaned:
    folder.mkdir()
    return clean_text(files, (), folder, script, text_field=params.text_field)


def _in_script(script: ScriptCheck) -> float | None:
    if script.expected is None or not script.counts:
        return None
    return sum(script.counts[one] for one in script.expected) / script.counts.total()


def fit(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> Fit:
    """How a tokenizer cuts texts."""
    found = tokenizer_report(tokenizer, texts, sequence_length=512)
    letters = sum(map(len, texts))
    size = sum(len(text.encode()) for text in texts)
    pieces = letters / max(found["charactersPerPiece"], 1e-9)
    return Fit(
        bytes_per_token=size / max(pieces, 1e-9),
        tokens_per_word=found["piecesPerWord"],
        unknown=found["unknownRate"],
        in_bytes=found["byteRate"],
        tokens=found["vocabulary"],
    )


def spelled(surfaces_of_new: dict[str, int], base: PreTrainedTokenizerBase) -> float:
    """Share of new tokens that the base writes in pieces it knows: what `mean` can fill."""
    words = [surface for surface in surfaces_of_new if surface.strip() and is_text(surface)]
    if not words:
        return 0.0
    backend: Any = base.backend_tokenizer  # type: ignore[attr-defined]
    unknown = base.unk_token_id
    encoded = backend.encode_batch(words, add_special_tokens=False)
    return sum(bool(one.ids) and unknown not in one.ids for one in encoded) / len(words)


def bits_of_words(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> float:
    """Bits per byte of one who knows how often each token is used, and nothing of context."""
    backend: Any = tokenizer.backend_tokenizer  # type: ignore[attr-defined]
    encoded = backend.encode_batch(list(texts), add_special_tokens=False)
    times = Counter(number for one in encoded for number in one.ids)
    total, size = times.total(), sum(len(text.encode()) for text in texts)
    bits = -sum(count * math.log2(count / total) for count in times.values())
    return bits / max(size, 1)


def _untouched(base: Path, held: Path) -> float | None:
    loaded = load_lm(base)
    if not loaded.has_head:
        return None
    model = loaded.model.eval()
    score = heldout_score(model, loaded.family, PackedText(held), where="spec.base").to_json()
    return score["bitsPerByte"]
