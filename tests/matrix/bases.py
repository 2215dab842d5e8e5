"""Base checkpoints as people publish them, tiny and random: every one can be adapted."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from sentencepiece import SentencePieceProcessor
from tokenizers import Tokenizer
from transformers import AutoModel, AutoModelForPreTraining, AutoTokenizer, PreTrainedModel

from lingraft.selection import MIDDLE_HEAD
from lingraft_trainer.models.checkpoint import MIDDLE_LAYERS, load_lm
from lingraft_trainer.models.mini import head_tensors
from tests.matrix.files import Tensors, edit_json, edit_tensors
from tests.support.families import base_tokenizer
from tests.support.tiny import tiny_model
from tests.support.vocabularies import sentencepiece_model

JOINT_LAYERS = 2
BODIES = ("bert body", "roberta body")
"""Without a masked-LM head: MiniPost alone adapts them."""


def written(
    model_type: str, folder: Path, *, tied: bool = True, rows: int | None = None
) -> PreTrainedModel:
    """A masked LM with the family's own tokenizer, in fp32.

    Its norms are about 1, so that what it says hangs on all that it reads, positions too.
    """
    tokenizer = base_tokenizer(model_type)
    model = tiny_model(model_type, vocabulary=rows or len(tokenizer), tied=tied)
    for name, parameter in model.named_parameters():
        if name.lower().replace("_", "").endswith("layernorm.weight"):
            parameter.data += 1
    model.config.hidden_dropout_prob = model.config.attention_probs_dropout_prob = 0.1
    for role in ("pad", "bos", "eos"):
        setattr(model.config, f"{role}_token_id", getattr(tokenizer, f"{role}_token_id"))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model


def plain(model_type: str, *, tied: bool = True) -> Callable[[Path], None]:
    """A masked LM of a family."""

    def build(folder: Path) -> None:
        written(model_type, folder, tied=tied)

    return build


def body(model_type: str) -> Callable[[Path], None]:
    """A body with a pooler and no head, as sentence encoders are."""

    def build(folder: Path) -> None:
        written(model_type, folder)
        bare = AutoModel.from_pretrained(folder)
        (folder / "model.safetensors").unlink()
        bare.save_pretrained(folder)

    return build


def pretraining_in_shards(folder: Path) -> None:
    """BertForPreTraining: a pooler and a second head; its weights in several files."""
    written("bert", folder)
    model = AutoModelForPreTraining.from_pretrained(folder)
    (folder / "model.safetensors").unlink()
    model.save_pretrained(folder, max_shard_size="20KB")


def of_old(folder: Path) -> None:
    """As BERT was first published: gamma and beta, a buffer of positions, settings of old."""
    written("bert", folder)

    def rename(tensors: Tensors) -> Tensors:
        old = {
            name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
                "LayerNorm.bias", "LayerNorm.beta"
            ): tensor
            for name, tensor in tensors.items()
        }
        return old | {"bert.embeddings.position_ids": torch.arange(34)[None]}

    edit_tensors(folder, rename)
    settings = {"position_embedding_type": "absolute", "gradient_checkpointing": False}
    edit_json(folder / "config.json", **settings, dtype=..., tie_word_embeddings=...)
    (folder / "special_tokens_map.json").write_text("{}")


def pads_otherwise(folder: Path) -> None:
    """BERT counts no positions from the padding id, so its config may say another."""
    written("bert", folder)
    edit_json(folder / "config.json", pad_token_id=3)


def other_settings(folder: Path) -> None:
    """Another activation and epsilon, and one kind of segment."""
    written("bert", folder)
    edit_json(folder / "config.json", hidden_act="relu", layer_norm_eps=1e-5, type_vocab_size=1)
    name = "bert.embeddings.token_type_embeddings.weight"
    edit_tensors(folder, lambda tensors: tensors | {name: tensors[name][:1]})


def no_class(folder: Path) -> None:
    """No tokenizer_config.json: config.json alone tells the class."""
    written("bert", folder)
    (folder / "tokenizer_config.json").unlink()


def generic_class(folder: Path) -> None:
    """tokenizer.json under transformers' generic class, as many checkpoints name it."""
    written("roberta", folder)
    edit_json(folder / "tokenizer_config.json", tokenizer_class="PreTrainedTokenizerFast")


def wrong_class(folder: Path) -> None:
    """A unigram that is said to be RoBERTa's."""
    written("xlm-roberta", folder)
    edit_json(folder / "tokenizer_config.json", tokenizer_class="RobertaTokenizer")


def spare_rows(folder: Path) -> None:
    """More rows than tokens, as those that were rounded up to a multiple of 64."""
    written("xlm-roberta", folder, rows=128)


def added_tokens(folder: Path) -> None:
    """Tokens that somebody added, with rows of their own."""
    written("roberta", folder, rows=len(base_tokenizer("roberta")) + 2)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["mtoto mdogo", "kitabu"])
    tokenizer.save_pretrained(folder)


def tied_twice(folder: Path) -> None:
    """The decoder's matrix and bias written too, as early checkpoints have them; no metadata."""
    written("bert", folder)
    tensors = load_file(folder / "model.safetensors")
    matrix, bias = (f"cls.predictions.decoder.{name}" for name in ("weight", "bias"))
    tensors[matrix] = tensors["bert.embeddings.word_embeddings.weight"].clone()
    tensors[bias] = tensors["cls.predictions.bias"].clone()
    save_file(tensors, folder / "model.safetensors")


def untied_unsaid(folder: Path) -> None:
    """A decoder of its own, of which the config says nothing."""
    written("roberta", folder, tied=False)
    edit_json(folder / "config.json", tie_word_embeddings=...)


def framed_tokenizer(folder: Path) -> None:
    """Truncation and padding switched on in tokenizer.json, as sentence-transformers does."""
    written("roberta", folder)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(16)
    tokenizer.enable_padding(length=16, pad_id=1, pad_token="<pad>")
    tokenizer.save(str(folder / "tokenizer.json"))


def vocab_txt(folder: Path) -> None:
    """BERT's tokenizer as it was: vocab.txt."""
    written("bert", folder)
    state = json.loads((folder / "tokenizer.json").read_text())
    words = sorted(state["model"]["vocab"], key=state["model"]["vocab"].get)
    (folder / "vocab.txt").write_text("".join(f"{word}\n" for word in words))
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True}))


def vocab_and_merges(folder: Path) -> None:
    """RoBERTa's tokenizer as it was: vocab.json and merges.txt."""
    written("roberta", folder)
    model = json.loads((folder / "tokenizer.json").read_text())["model"]
    (folder / "vocab.json").write_text(json.dumps(model["vocab"]))
    merges = "".join(f"{' '.join(pair)}\n" for pair in model["merges"])
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}")
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()


def sentencepiece(folder: Path) -> None:
    """XLM-R's tokenizer as it was: a SentencePiece model, whose ids its class moves by one."""
    model = sentencepiece_model(model_type="unigram")
    folder.joinpath("sentencepiece.bpe.model").write_bytes(model)
    rows = SentencePieceProcessor(model_proto=model).vocab_size() + 2
    written("xlm-roberta", folder, rows=rows)
    (folder / "tokenizer.json").unlink()
    edit_json(folder / "tokenizer_config.json", tokenizer_class="XLMRobertaTokenizer")


def crowded(folder: Path) -> None:
    """A folder with everything that people leave in it."""
    written("xlm-roberta", folder)
    weights = load_file(folder / "model.safetensors")
    torch.save(weights, folder / "pytorch_model.bin")
    (folder / "README.md").write_text("# A model\n")
    (folder / "onnx").mkdir()
    (folder / "onnx" / "model.onnx").write_bytes(b"\0")
    shutil.copy(folder / "config.json", folder / "onnx" / "config.json")
    (folder / ".gitattributes").write_text("*.bin filter=lfs\n")


BASES: dict[str, Callable[[Path], None]] = {
    "bert": plain("bert"),
    "bert untied": plain("bert", tied=False),
    "bert body": body("bert"),
    "bert in shards": pretraining_in_shards,
    "bert of old": of_old,
    "bert pads otherwise": pads_otherwise,
    "bert with relu": other_settings,
    "bert without class": no_class,
    "bert tied twice": tied_twice,
    "bert vocab.txt": vocab_txt,
    "roberta": plain("roberta"),
    "roberta untied unsaid": untied_unsaid,
    "roberta framed": framed_tokenizer,
    "roberta vocab and merges": vocab_and_merges,
    "roberta untied": plain("roberta", tied=False),
    "roberta body": body("roberta"),
    "roberta generic class": generic_class,
    "roberta added tokens": added_tokens,
    "xlm-roberta crowded": crowded,
    "xlm-roberta sentencepiece": sentencepiece,
    "xlm-roberta wrong class": wrong_class,
    "xlm-roberta spare rows": spare_rows,
    "prelayernorm": plain("roberta-prelayernorm"),
    "prelayernorm untied": plain("roberta-prelayernorm", tied=False),
}


def add_middle_head(folder: Path, dtype: torch.dtype) -> None:
    """A random second head after layer 2, as joint pretraining would have left it."""
    loaded = load_lm(folder, layers=JOINT_LAYERS)
    generator = torch.Generator().manual_seed(3)
    head = {
        name: (0.3 * torch.randn(tensor.shape, generator=generator)).to(dtype)
        for name, tensor in head_tensors(loaded.model, loaded.family).items()
    }
    save_file(head, folder / MIDDLE_HEAD, metadata={MIDDLE_LAYERS: str(JOINT_LAYERS)})
