"""What must be refused with a sentence: one thing of one axis is wrong, the rest is plain."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from safetensors.torch import load_file

from tests.matrix.bases import add_middle_head, pretraining_in_shards, written
from tests.matrix.corpora import DOCUMENTS, jsonl, one, txt
from tests.matrix.files import Tensors, edit_json, edit_tensors
from tests.matrix.outcomes import Refusal
from tests.matrix.tasks import (
    LANGUAGE,
    NLI,
    Task,
    classification,
    lines,
    nested,
    put,
    questions,
    table,
)
from tests.matrix.tasks import pairs as pairs_of
from tests.support.bases import BASES as TOKENIZERS
from tests.support.vocabularies import sentencepiece_model, word_pieces

BASE = "spec.base.uri"
Made = TypeVar("Made")


@dataclass(frozen=True)
class Bad(Generic[Made]):
    """One value of an axis.

    Attributes:
        make: Fills an empty folder.
        refusal: What is said of it.
    """

    make: Callable[[Path], Made]
    refusal: Refusal


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


def said(says: str, when: str = "plan", where: str = BASE) -> Refusal:
    """A refusal of a base."""
    return Refusal(says, where, "plan" if when == "plan" else "run")


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
    "unknown family": Bad(bert(configured(model_type="camembert")), said("not supported")),
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
    "lost head": Bad(
        bert(without("predictions.transform")), said("part of its masked-LM head", "run")
    ),
    "LoRA inside": Bad(bert(with_tensor(LORA)), said("knows no place for", "run")),
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


def tokenizer_folder(fill: Callable[[Path], object]) -> Callable[[Path], dict[str, Any]]:
    """`spec.tokenizer` of a folder."""

    def make(folder: Path) -> dict[str, Any]:
        fill(folder)
        return {"uri": f"{folder.as_uri()}/"}

    return make


def contradiction(folder: Path) -> None:
    """A cased WordPiece that is said to be uncased."""
    word_pieces().save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": True}))


TOKENIZER = "spec.tokenizer"
BAD_TOKENIZERS: dict[str, Bad[dict[str, Any]]] = {
    "nothing": Bad(
        tokenizer_folder(lambda folder: (folder / "README.md").write_text("?")),
        Refusal("no tokenizer in it", TOKENIZER),
    ),
    "vocab.txt alone": Bad(
        tokenizer_folder(lambda folder: (folder / "vocab.txt").write_text("a\nb\n")),
        Refusal("tokenizer.json", TOKENIZER, "run"),
    ),
    "broken": Bad(
        tokenizer_folder(lambda folder: (folder / "tokenizer.json").write_text('{"model":')),
        Refusal("cannot be read", TOKENIZER, "run"),
    ),
    "no SentencePiece": Bad(
        tokenizer_folder(lambda folder: (folder / "a.model").write_bytes(b"\x00\x01")),
        Refusal("no SentencePiece model", TOKENIZER, "run"),
    ),
    "SentencePiece of characters": Bad(
        tokenizer_folder(
            lambda folder: (folder / "a.model").write_bytes(sentencepiece_model(model_type="char"))
        ),
        Refusal("neither unigram nor BPE", TOKENIZER, "run"),
    ),
    "contradiction": Bad(
        tokenizer_folder(contradiction), Refusal("do_lower_case true", TOKENIZER, "run")
    ),
    "larger than the text": Bad(
        lambda folder: {"train": {"type": "unigram", "vocabSize": 60_000}},
        Refusal("vocabSize", TOKENIZER, "run"),
    ),
    "fewer than the bytes": Bad(
        lambda folder: {"train": {"type": "bpe", "vocabSize": 100}},
        Refusal("vocabSize", TOKENIZER, "run"),
    ),
}

CORPUS = "corpus"
BAD_CORPORA: dict[str, Bad[Path]] = {
    "csv": Bad(
        one("t.csv", b"text\nhabari\n"), Refusal(".txt, .jsonl or .parquet", "corpus", "run")
    ),
    "no text in a folder": Bad(
        lambda folder: one("t.docx", b"PK")(folder).parent,
        Refusal(".txt, .jsonl or .parquet", "spec.corpus.uri"),
    ),
    "nothing there": Bad(lambda folder: folder / "gone.txt", Refusal("nothing", "spec.corpus.uri")),
    "empty": Bad(one("t.txt", b""), Refusal("the corpus is empty", "corpus", "run")),
    "latin-1": Bad(
        one("t.txt", txt(DOCUMENTS) + "\n\nété".encode("latin-1")),
        Refusal("not UTF-8", "t.txt", "run"),
    ),
    "gzip that is said to be text": Bad(
        one("t.txt", b"\x1f\x8b\x08\x00\xff"), Refusal("not UTF-8", "t.txt", "run")
    ),
    "text that is said to be gzip": Bad(
        one("t.txt.gz", txt(DOCUMENTS)), Refusal("cannot be read", "t.txt.gz", "run")
    ),
    "other field": Bad(
        one("t.jsonl", jsonl(DOCUMENTS).replace(b'"text"', b'"content"')),
        Refusal('no field "text"', "t.jsonl:1", "run"),
    ),
    "half a line": Bad(
        one("t.jsonl", jsonl(DOCUMENTS) + b'{"text": "ha'),
        Refusal("not JSON", "t.jsonl:121", "run"),
    ),
    "no parquet": Bad(one("t.parquet", b"PAR1"), Refusal("cannot be read", "t.parquet", "run")),
}


def task_of(format: str, train: str, test: str, **more: Any) -> Task:
    """A task of two files."""
    return Task({"format": format, "train": train, "test": test} | more, "label")


def unknown_label(folder: Path) -> Task:
    """A label in test that training data lack."""
    fields = classification(folder).fields
    lines(folder / "test.jsonl", [{"text": "habari", "label": "c"}])
    return Task(fields, "label")


def quoted(folder: Path) -> Task:
    """PAWS' columns as a spreadsheet writes them."""
    found = pairs_of(0, 12, "01")
    rows = [(i, f'"{a}"', f'"{b}, ""{a}"""', c) for i, (a, b, c) in enumerate(found)]
    columns = ("id", "sentence1", "sentence2", "label")
    test = table(folder / "b.tsv", columns, [(i, *one) for i, one in enumerate(found)])
    return task_of("paws-x", table(folder / "a.tsv", columns, rows), test)


def no_training_data(folder: Path) -> Task:
    """XNLI 1.0, which has none, as training data."""
    columns = ("language", "gold_label", "sentence1", "sentence2")
    rows = [(LANGUAGE, c, a, b) for a, b, c in pairs_of(0, 12, NLI)]
    for split in ("dev", "test"):
        table(folder / f"xnli.{split}.tsv", columns, rows)
    uri = f"{folder.as_uri()}/"
    return task_of("xnli", uri, uri)


def other_language(folder: Path) -> Task:
    """An XQuAD in another language than the resource's."""
    train = put(folder / "train-v1.1.json", nested(questions(0, 12)))
    return task_of("squad", train, put(folder / "xquad.es.json", nested(questions(60, 5))))


def second_squad(folder: Path) -> Task:
    """SQuAD 2.0, with questions that have no answer."""
    old, new = b'"answers": [{', b'"answers": [], "plausible_answers": [{'
    content = nested(questions(0, 12))
    train = put(folder / "a.json", content.replace(old, new))
    return task_of("squad", train, put(folder / "b.json", content))


def wrong_offsets(folder: Path) -> Task:
    """Answers of one's own that are not where they are said to be."""
    train, test = (
        lines(
            folder / f"{name}.jsonl",
            [
                {"context": c, "question": q, "answers": {"text": [a], "answer_start": [s + off]}}
                for c, q, a, s in questions(0, 12)
            ],
        )
        for name, off in (("a", 1), ("b", 0))
    )
    return task_of("qa", train, test)


def mixed_splits(folder: Path) -> Task:
    """A folder with training and test data."""
    classification(folder / "both")
    (folder / "both" / "source.jsonl").unlink()
    test = (folder / "both" / "test.jsonl").as_uri()
    return task_of("classification", f"{(folder / 'both').as_uri()}/", test)


def one_label(folder: Path) -> Task:
    """Training data that are all alike."""
    rows = [{"text": a, "label": "a"} for a, _, _ in pairs_of(0, 12, "a")]
    return task_of("classification", *(lines(folder / f"{n}.jsonl", rows) for n in ("x", "y")))


TASK = "spec.tasks[0]"
BAD_TASKS: dict[str, Bad[Task]] = {
    "unknown label": Bad(unknown_label, Refusal("unknown label 'c'", f"{TASK}.test")),
    "quoted as CSV": Bad(quoted, Refusal("quote", TASK)),
    "XNLI has no training data": Bad(no_training_data, Refusal("no training data", TASK)),
    "other language": Bad(other_language, Refusal("says that it is in", f"{TASK}.test")),
    "SQuAD 2": Bad(second_squad, Refusal("SQuAD 2", TASK)),
    "wrong offsets": Bad(wrong_offsets, Refusal("not at character", TASK)),
    "mixed splits": Bad(mixed_splits, Refusal("mixes splits", TASK)),
    "one label": Bad(one_label, Refusal("all training examples", f"{TASK}.train")),
}
