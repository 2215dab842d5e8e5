"""The model card of a pack, or of a whole model: Markdown with the Hub's front matter. Pure."""

from collections.abc import Iterator
from typing import Any, Literal

import yaml

from lingraft.families import FAMILIES
from lingraft.floors import part, remarks, standings
from lingraft.pack.evaluations import TAGS, model_index
from lingraft.pack.facts import Facts
from lingraft.resource.formats import FORMATS

Kind = Literal["pack", "model"]


def pipeline_tag(facts: Facts, *, task: str | None, encoder: bool) -> str:
    """The Hub's name of what it does."""
    if task is not None:
        return TAGS[FORMATS[facts.formats[task]].kind]
    if encoder:
        return "sentence-similarity"
    return "text-generation" if FAMILIES[facts.pack.model_type].causal else "fill-mask"


def card(facts: Facts, kind: Kind, *, task: str | None = None, encoder: bool = False) -> str:
    """A model card; the license is left to whoever publishes it.

    Args:
        facts: What is known.
        kind: Of what.
        task: Name of the task that the model is fine-tuned for; None for the language model.
        encoder: Whether sentence-transformers loads it.
    """
    name = f"{facts.base_model or facts.pack.model_type}-{facts.pack.language}"
    front: dict[str, Any] = {"language": [facts.pack.language.partition("-")[0]]}
    if facts.base_model is not None:
        front["base_model"] = facts.base_model
        front["base_model_relation"] = "adapter" if kind == "pack" else "finetune"
    if kind == "pack":
        front["library_name"] = "lingraft"
    else:
        front["library_name"] = "sentence-transformers" if encoder else "transformers"
    front["pipeline_tag"] = pipeline_tag(facts, task=task, encoder=encoder)
    front["tags"] = ["lingraft", "language-adaptation", "cross-lingual-transfer"]
    if index := model_index(facts, name.rpartition("/")[2]):
        front["model-index"] = index
    head = yaml.safe_dump(front, sort_keys=False, allow_unicode=True)
    return f"---\n{head}---\n\n# {name}\n\n" + "\n".join(_lines(facts, kind, task)) + "\n"


def _lines(facts: Facts, kind: Kind, task: str | None) -> Iterator[str]:
    pack = facts.pack
    base = f"`{facts.base_model}`" if facts.base_model else f"a {pack.model_type} model"
    what = "A language pack for" if kind == "pack" else "A copy of"
    tuned = f", fine-tuned for the task {task} in {pack.source_language}" if task else ""
    yield f"{what} {base}{tuned}, that reads **{pack.language}**, and this language only."
    yield f"The base's own language ({pack.source_language}) keeps the base's own embeddings."
    yield ""
    if kind == "pack":
        yield "```python\nimport lingraft\n"
        own = facts.base_model or "BASE"
        yield f'model, tokenizer = lingraft.load("{own}", "THIS FOLDER")\n```'
        yield ""
    yield "## Method"
    yield ""
    yield (
        f"New token embeddings ({pack.vocabulary:,} x {pack.width}, {pack.dtype}) and a tokenizer "
        f"for {pack.language}, learned by [lingraft](https://arxiv.org/abs/2212.10503) "
        f"(method: {facts.method}); the layers are the base's, unchanged."
    )
    yield ""
    yield from _tokenizer(facts)
    yield from _scores(facts)
    yield from _cost(facts)
    yield "## Provenance"
    yield ""
    yield f"* graft: `{facts.graft}`, {facts.created_at[:10]}"
    yield f"* base: `{pack.base.ref}`, token embeddings sha256 `{pack.base.embeddings}`"
    for name, fingerprint in facts.sources.items():
        yield f"* {name}: `{fingerprint}`"


def _tokenizer(facts: Facts) -> Iterator[str]:
    report = facts.tokenizer
    if not report:
        return
    yield "## Tokenizer"
    yield ""
    yield f"* pieces per word (fertility): {report['piecesPerWord']:.2f}"
    yield f"* characters per piece: {report['charactersPerPiece']:.2f}"
    yield f"* unknown pieces: {100 * report['unknownRate']:.3f} %"
    yield ""


def _scores(facts: Facts) -> Iterator[str]:
    rows = [one for one in standings(facts.metrics) if one.value is not None]
    heldout: dict[str, Any] = facts.metrics.get("heldout") or {}
    if not rows and heldout.get("bitsPerByte") is None:
        return
    yield "## Scores"
    yield ""
    if rows:
        yield "| task | metric | score | standard error | floor: untouched base | floor: majority |"
        yield "|---|---|---|---|---|---|"
    for one in rows:
        numbers = (one.value, one.stderr, one.untouched, one.majority)
        yield f"| {one.task} | {one.metric} | {' | '.join(map(_number, numbers))} |"
    if rows:
        yield ""
        yield "Zero-shot: no label of the language was seen."
        yield ""
    if heldout.get("bitsPerByte") is not None:
        start, untouched = (part(heldout, k, "bitsPerByte") for k in ("start", "untouched"))
        yield (
            f"Held-out text: {_number(heldout['bitsPerByte'])} bits per byte (before training "
            f"{_number(start)}, the untouched base {_number(untouched)})."
        )
        yield ""
    for remark in remarks(facts.metrics):
        yield f"* {remark}"
    yield ""


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _cost(facts: Facts) -> Iterator[str]:
    compute: dict[str, Any] = facts.metrics.get("compute") or {}
    yield "## Cost"
    yield ""
    yield f"* all stages: {facts.flops:.2e} FLOPs (by formula), {facts.device_seconds:,.0f} "
    yield "  device-seconds (measured; GPU-seconds, or core-seconds without GPUs)"
    if compute:
        yield f"* learning the embeddings: {compute['embedFlops']:.2e} FLOPs; the same through "
        yield f"  the full model take {compute['standardFlops']:.2e}"
    yield ""
