"""Checkpoints of every family with tokenizers of their own classes, and artifacts made of them."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from lingraft.params import EmbedParams
from lingraft.stage import Compute, Manifest, Stage
from lingraft_trainer.stages.embed import EMBEDDINGS
from lingraft_trainer.stages.finetune import load_task_model
from lingraft_trainer.tasks.kinds import kind_of
from lingraft_trainer.tokenization.special import special_tokens_of
from lingraft_trainer.tokenization.swap import save_tokenizer
from lingraft_trainer.tokenization.train import train_tokenizer
from tests.support.bases import BASES, TEXT
from tests.support.tiny import pack, tiny_model, training

WIDTH, TARGET_VOCABULARY = 16, 70
LABELS = ("farm", "sea")


def base_tokenizer(model_type: str) -> PreTrainedTokenizerBase:
    """The family's own tokenizer class; pre-LN RoBERTa has RoBERTa's."""
    return BASES["roberta" if model_type == "roberta-prelayernorm" else model_type]()


def write_base(model_type: str, folder: Path) -> Path:
    """A checkpoint as people publish them: dropout in its config, its own tokenizer class."""
    tokenizer = base_tokenizer(model_type)
    model = tiny_model(model_type, vocabulary=len(tokenizer))
    model.config.hidden_dropout_prob = model.config.attention_probs_dropout_prob = 0.1
    for role in ("pad", "bos", "eos"):
        setattr(model.config, f"{role}_token_id", getattr(tokenizer, f"{role}_token_id"))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def write_corpus(base: Path, folder: Path) -> Path:
    """A target tokenizer under the base's special tokens, and a little packed text."""
    template = special_tokens_of(AutoTokenizer.from_pretrained(base))
    trained = train_tokenizer(TEXT, type="unigram", vocab_size=TARGET_VOCABULARY, template=template)
    save_tokenizer(trained, folder / "tokenizer")
    for split in ("train", "heldout"):
        pack(trained, TEXT[:20], folder / split)
    return folder


def write_embeddings(folder: Path) -> Path:
    """What the stage `embed` leaves: a matrix and a bias, random here."""
    folder.mkdir(parents=True)
    generator = torch.Generator().manual_seed(11)
    tensors = {
        "weight": torch.randn(TARGET_VOCABULARY, WIDTH, generator=generator),
        "bias": torch.randn(TARGET_VOCABULARY, generator=generator),
    }
    save_file(tensors, folder / EMBEDDINGS)
    return folder


def write_task_model(base: Path, format: str, folder: Path) -> Path:
    """What the stage `finetune` leaves, its head random."""
    torch.manual_seed(13)
    labels = LABELS if format == "classification" else ()
    load_task_model(base, kind_of(format), labels, 0.1).save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    return folder


def write_tests(folder: Path) -> dict[str, Path]:
    """Test data of the two tasks."""
    folder.mkdir(parents=True)
    topic, questions = folder / "topic.jsonl", folder / "questions.jsonl"
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
    return {"topic": topic, "questions": questions}


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
