"""Bases that must be refused with a sentence, each for one reason."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load_file

from tests.matrix.bases import add_middle_head, pretraining_in_shards, written
from tests.matrix.files import Tensors, edit_json, edit_tensors
from tests.matrix.outcomes import Bad, Refusal
from tests.support.bases import BASES as TOKENIZERS

BASE = "spec.base.uri"


def bert(change: Callable[[Path], object], model_type: str = "bert") -> Callable[[Path], None]:
    """A base that is good, and then changed."""

    def make(folder: Path) -> None:
        written(model_type, folder)
        add_middle_head(folder, torch.float32)
        change(folder)

    return make


def configured(**settings: Any) -> Callable[[Path], None]:
    """Other settings of its config."""
    return lambda folder: edit_json(folder / "config.json", **settings)


def spoiled(part: str, value: float) -> Callable[[Path], None]:
    """One value of one tensor."""

    def change(tensors: Tensors) -> Tensors:
        tensors[next(name for name in tensors if part in name)].view(-1)[5] = value
        return tensors

    return lambda folder: edit_tensors(folder, change)


def with_tensor(name: str) -> Callable[[Path], None]:
    """One tensor more."""
    return lambda folder: edit_tensors(folder, lambda t: t | {name: torch.ones(2, 2)})


def without(part: str) -> Callable[[Path], None]:
    """Some tensors fewer."""
    return lambda folder: edit_tensors(
        folder, lambda t: {name: tensor for name, tensor in t.items() if part not in name}
    )


def renamed(old: str, new: str) -> Callable[[Path], None]:
    """Tensors of other names."""
    return lambda folder: edit_tensors(
        folder, lambda t: {name.replace(old, new, 1): tensor for name, tensor in t.items()}
    )


def quantised(folder: Path) -> None:
    """Eight-bit weights."""
    edit_tensors(folder, lambda t: {n: one.to(torch.float8_e4m3fn) for n, one in t.items()})


def pickled(folder: Path) -> None:
    """pytorch_model.bin alone."""
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def adapter(folder: Path) -> None:
    """A LoRA adapter's folder, config of its base beside it."""
    (folder / "model.safetensors").rename(folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA"}))


def cut_short(folder: Path) -> None:
    """A download that broke off."""
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-500])


def lacks_a_shard(folder: Path) -> None:
    """Of several files one is not there."""
    pretraining_in_shards(folder)
    add_middle_head(folder, torch.float32)
    sorted(folder.glob("model-0*.safetensors"))[1].unlink()


def lacks(*names: str) -> Callable[[Path], None]:
    """Without some files."""

    def change(folder: Path) -> None:
        for name in names:
            (folder / name).unlink(missing_ok=True)

    return change


def more_tokens_than_rows(folder: Path) -> None:
    """Tokens were added, and the model was not resized."""
    tokenizer: Any = TOKENIZERS["bert"]()
    tokenizer.add_tokens(["habari"])
    tokenizer.save_pretrained(folder)


def lower_case_said_otherwise(folder: Path) -> None:
    """tokenizer_config.json and tokenizer.json disagree."""
    edit_json(folder / "tokenizer_config.json", do_lower_case=False)


def no_mask(folder: Path) -> None:
    """A tokenizer of a model that was never trained to fill gaps."""
    file = folder / "tokenizer_config.json"
    edit_json(file, mask_token=None, tokenizer_class="PreTrainedTokenizerFast")
    lacks("special_tokens_map.json")(folder)


def said(says: str, when: Literal["plan", "run"] = "plan") -> Refusal:
    """A refusal of a base."""
    return Refusal(says, BASE, when)


LORA = "base_model.model.bert.encoder.layer.0.attention.self.query.lora_A.weight"
BAD_BASES: dict[str, Bad[None]] = {
    "pickled": Bad(bert(pickled), said("pytorch_model.bin is never read")),
    "adapter": Bad(bert(adapter), said("merge")),
    "decoder": Bad(bert(configured(is_decoder=True)), said("reads to the left")),
    "relative positions": Bad(
        bert(configured(position_embedding_type="relative_key_query")),
        said("no longer has such positions"),
    ),
    "quantised config": Bad(
        bert(configured(quantization_config={"load_in_4bit": True})), said("quantised")
    ),
    "unknown family": Bad(bert(configured(model_type="albert")), said("not supported")),
    "no family": Bad(bert(configured(model_type=...)), said("not supported")),
    "no config": Bad(bert(lacks("config.json")), said("no config.json")),
    "broken config": Bad(
        bert(lambda folder: (folder / "config.json").write_text("{")), said("not JSON")
    ),
    "NaN in the embeddings": Bad(
        bert(spoiled("word_embeddings", float("nan"))), said("no numbers", "run")
    ),
    "infinity on top": Bad(
        bert(spoiled("layer.3.output.dense", float("inf"))), said("no numbers", "run")
    ),
    "lost layer": Bad(bert(without("layer.1.")), said("lacks 16 tensors of its own body", "run")),
    "lost head": Bad(bert(without("predictions.transform")), said("part of its head", "run")),
    "LoRA inside": Bad(bert(with_tensor(LORA)), said("holds adapters beside its weights", "run")),
    "compiled": Bad(
        bert(renamed("bert.", "_orig_mod.bert.")), said("tensors of its own body", "run")
    ),
    "body of another family": Bad(
        bert(configured(model_type="roberta")), said("tensors of its own body", "run")
    ),
    "quantised": Bad(bert(quantised), said("quantised", "run")),
    "cut short": Bad(bert(cut_short), said("cannot be read", "run")),
    "lost shard": Bad(lacks_a_shard, said("model-00002-of-", "run")),
    "other vocabulary": Bad(bert(configured(vocab_size=400)), said("cannot be read", "run")),
    "more tokens than rows": Bad(bert(more_tokens_than_rows), said("'habari'", "run")),
    "other case": Bad(bert(lower_case_said_otherwise), said("do_lower_case false", "run")),
    "no tokenizer": Bad(
        bert(lacks("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")),
        said("tokenizer"),
    ),
    "no mask": Bad(bert(no_mask), said("no mask_token", "run")),
    "roberta pads otherwise": Bad(
        bert(configured(pad_token_id=0), "roberta"), said("counts positions from", "run")
    ),
    "roberta pads never": Bad(
        bert(configured(pad_token_id=None), "roberta"), said("no pad_token_id", "run")
    ),
}
