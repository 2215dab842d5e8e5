"""Checkpoints of every family with tokenizers of their own classes, and artifacts made of them."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from lingraft.families import family_of
from lingraft.params import EmbedParams
from lingraft.resource.formats import TaskFormat
from lingraft.stage import Compute, Manifest, Stage
from lingraft_trainer.models.checkpoint import load_lm
from lingraft_trainer.models.family import embeddings, is_tied, output, set_dropout
from lingraft_trainer.packs.load import write_full
from lingraft_trainer.stages.embed import EMBEDDINGS
from lingraft_trainer.stages.finetune import load_task_model
from lingraft_trainer.tasks.kinds import kind_of
from lingraft_trainer.tokenization.base import keeps_padding, load_base_tokenizer
from lingraft_trainer.tokenization.special import special_tokens_of
from lingraft_trainer.tokenization.swap import save_tokenizer
from lingraft_trainer.tokenization.train import train_tokenizer
from tests.support.bases import BASES, TEXT
from tests.support.newer_bases import NEWER
from tests.support.tiny import MASKED_TYPES, pack, tiny_model, training

TARGET_VOCABULARY = 70
LABELS = ("farm", "sea")
PUBLISHED = (*MASKED_TYPES, "mmbert")
"""What there are checkpoints of: mmBERT is ModernBERT under another tokenizer."""
_AS = {
    "roberta-prelayernorm": "roberta",
    "xlm-roberta-xl": "xlm-roberta",
    "distilbert": "bert",
    "electra": "bert",
    "deberta-v2": "bert",
}


def base_tokenizer(name: str) -> PreTrainedTokenizerBase:
    """The family's own tokenizer class; some have another family's."""
    return (BASES | NEWER)[_AS.get(name, name)]()


def write_base(name: str, folder: Path) -> Path:
    """A checkpoint as people publish them: dropout in its config, its own tokenizer class."""
    tokenizer = base_tokenizer(name)
    model_type = "modernbert" if name == "mmbert" else name
    untied = model_type == "eurobert"
    model = tiny_model(model_type, vocabulary=len(tokenizer), tied=not untied)
    set_dropout(model.config, family_of(model_type), 0.1)
    for role in ("pad", "bos", "eos", "cls", "sep", "mask"):
        field = f"{role}_token_id"
        if hasattr(model.config, field):
            setattr(model.config, field, getattr(tokenizer, field))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_corpus(base: Path, folder: Path) -> Path:
    """A target tokenizer under the base's special tokens, and a little packed text."""
    template = special_tokens_of(load_base_tokenizer(base), keep_pad=keeps_padding(base))
    trained = train_tokenizer(TEXT, type="unigram", vocab_size=TARGET_VOCABULARY, template=template)
    save_tokenizer(trained, folder / "tokenizer")
    for split in ("train", "heldout"):
        pack(trained, TEXT[:20], folder / split)
    return folder


def write_embeddings(base: Path, folder: Path) -> Path:
    """What the stage `embed` leaves of a base: a matrix and what else it has, random here."""
    folder.mkdir(parents=True)
    generator = torch.Generator().manual_seed(11)
    model = load_lm(base).model
    matrix = embeddings(model).weight
    shape = TARGET_VOCABULARY, matrix.shape[1]
    tensors = {"weight": torch.randn(shape, generator=generator)}
    if output(model).bias is not None:
        tensors["bias"] = torch.randn(TARGET_VOCABULARY, generator=generator)
    if not is_tied(model):
        tensors["output"] = torch.randn(shape, generator=generator)
    save_file(tensors, folder / EMBEDDINGS)
    return folder


def write_task_model(base: Path, format: TaskFormat, folder: Path) -> Path:
    """What the stage `finetune` leaves, its head random."""
    torch.manual_seed(13)
    labels = LABELS if format == "classification" else ()
    load_task_model(base, kind_of(format), labels, 0.1).save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return folder


def write_tests(folder: Path) -> dict[str, Path]:
    """Test data of the three tasks."""
    folder.mkdir(parents=True)
    topic, questions, choices = (folder / f"{n}.jsonl" for n in ("topic", "questions", "choices"))
    rows = [{"text": text, "label": LABELS[i % 2]} for i, text in enumerate(TEXT[:6])]
    topic.write_text("".join(json.dumps(row) + "\n" for row in rows))
    context = "habari ya asubuhi nyumba kubwa"
    row = {
        "id": "1",
        "question": "nyumba leo",
        "context": context,
        "answers": {"text": ["kubwa"], "answer_start": [context.index("kubwa")]},
    }
    questions.write_text(json.dumps(row) + "\n")
    stories = [
        {"context": TEXT[i], "choices": TEXT[10 + i : 12 + i + i % 2], "label": i % 2}
        for i in range(4)
    ]
    choices.write_text("".join(json.dumps(row) + "\n" for row in stories))
    return {"topic": topic, "questions": questions, "choices": choices}


def write_whole(out: Path, base: Path, tasks: Mapping[str, Path] | None = None) -> None:
    """Whole checkpoints beside what the stage `graft` wrote, as `lingraft export` writes them."""
    write_full(base, out / "pack", out / "model")
    for name, origin in (tasks or {}).items():
        write_full(origin, out / "pack", out / "tasks" / name)


def embed_manifest() -> dict[str, Manifest]:
    """The manifest of the stage `embed`, which `graft` takes the costs from."""
    params = EmbedParams.model_validate(
        {"method": "Standard", "init": "random", "training": training()}
    )
    stage = Stage(kind="embed", params=params.to_json(), inputs={})
    manifest = Manifest(
        stage=stage,
        holder="somebody",
        files=(),
        metrics={"vocabulary": TARGET_VOCABULARY, "maskedTokens": 100},
        compute=Compute(flops=1e9, tokens=1000, seconds=1.0, device_seconds=1.0),
        environment={},
        created_at="2026-01-01T00:00:00Z",
    )
    return {stage.ref: manifest}
