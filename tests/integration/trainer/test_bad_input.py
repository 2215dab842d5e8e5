"""Bad input that reaches the trainer: one clear sentence, exit code 2, nothing half-written."""

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel

from lingraft.stage import StageSpec
from lingraft.store import open_store
from lingraft.store.lease import Lease
from lingraft_trainer.__main__ import main
from tests.support.stages import run_process, spec_of, store_of
from tests.support.tiny import SOURCE_WORDS, TARGET_WORDS, tiny_base, tiny_corpus, training

EMBED = {"method": "Standard", "init": "random", "training": training(steps=2)}
CORPUS = {
    "language": "en",
    "tokenizer": {"train": "unigram", "vocabSize": 64},
    "sequenceLength": 32,
    "heldoutShare": 0.01,
    "seed": 0,
}
FINETUNE = {
    "format": "classification",
    "sourceLanguage": "en",
    "epochs": 1,
    "batchSize": 8,
    "learningRate": 1e-3,
    "maxLength": 16,
    "dropout": 0.0,
    "seed": 0,
}


def edit_config(base: Path, **changes: object) -> None:
    file = base / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def no_config(base: Path) -> None:
    (base / "config.json").unlink()


def broken_config(base: Path) -> None:
    (base / "config.json").write_text("{")


def unknown_family(base: Path) -> None:
    edit_config(base, model_type="gpt2")


def pickle_only(base: Path) -> None:
    torch.save(load_file(base / "model.safetensors"), base / "pytorch_model.bin")
    (base / "model.safetensors").unlink()


def cut_short(base: Path) -> None:
    file = base / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def lost_layer(base: Path) -> None:
    tensors = load_file(base / "model.safetensors")
    del tensors["bert.encoder.layer.2.output.dense.weight"]
    save_file(tensors, base / "model.safetensors", metadata={"format": "pt"})


def no_head(base: Path) -> None:
    body = AutoModel.from_pretrained(base)
    (base / "model.safetensors").unlink()
    body.save_pretrained(base)


CHECKPOINTS: list[tuple[Callable[[Path], None], str]] = [
    (no_config, "no config.json there"),
    (broken_config, "is not JSON"),
    (unknown_family, "'gpt2' is not supported; give a checkpoint of one of bert, "),
    (pickle_only, "no .safetensors weights (pickled ones are never read)"),
    (cut_short, "cannot be read"),
    (lost_layer, "lacks 1 tensors of its own body"),
    (no_head, "the base has no head"),
]


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """`main` takes SIGTERM for itself."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tiny_base("bert", tmp_path / "base")


def refused(
    spec: StageSpec,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    message: str,
    where: str,
    *,
    heals: bool = False,
) -> None:
    """Run it, and look at all that is left behind."""
    file = folder / "spec.json"
    file.write_text(spec.model_dump_json(by_alias=True))
    capsys.readouterr()
    code = main([str(file)])
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert code == (4 if heals else 2), said
    assert len(said) == 1 and message in said[0] and where in said[0], said
    left_nothing(spec, message, "outside" if heals else "user")


def left_nothing(spec: StageSpec, message: str, kind: str = "user") -> None:
    stages = store_of(spec)
    failure = stages.read_failure(spec.holder)
    assert failure is not None and failure.failure_class == kind and message in failure.message
    assert stages.manifest() is None
    lease = Lease(open_store(spec.store), spec.stage, "anybody").read()
    assert lease is not None and lease[0].released
    assert not list(open_store(spec.store).list(f"{spec.stage.ref}/{spec.holder}/files/"))


@pytest.mark.parametrize(("damage", "message"), CHECKPOINTS)
def test_checkpoints(
    damage: Callable[[Path], None],
    message: str,
    base: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    corpus = tiny_corpus("bert", TARGET_WORDS, tmp_path / "corpus")
    damage(base)
    spec = spec_of("embed", EMBED, tmp_path / "store", model=base, base=base, corpus=corpus)
    refused(spec, tmp_path, capsys, message, "spec.base.uri: ")


def test_another_process_exits_with_2(base: Path, tmp_path: Path) -> None:
    corpus = tiny_corpus("bert", TARGET_WORDS, tmp_path / "corpus")
    pickle_only(base)
    spec = spec_of("embed", EMBED, tmp_path / "store", model=base, base=base, corpus=corpus)
    code, errors = run_process(spec, tmp_path)
    assert code == 2
    assert "error: spec.base.uri: the checkpoint has no .safetensors" in errors
    assert "Traceback" not in errors
    left_nothing(spec, "pickled")


@pytest.mark.parametrize(
    ("method", "layers", "new", "message", "where"),
    [
        ("MiniPost", 3, 1, "not shallower than its base, which has 4", "spec.mini.layers"),
        ("MiniJoint", 4, 0, "not shallower than its base, which has 4", "spec.mini.layers"),
        ("MiniJoint", 2, 0, "MiniJoint needs a base with a middle head", "spec.base.uri"),
    ],
)
def test_mini_models(
    method: str,
    layers: int,
    new: int,
    message: str,
    where: str,
    base: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    params = {"method": method, "layers": layers, "newLayers": new, "training": None}
    if method == "MiniPost":
        params["training"] = training(steps=2)
    corpus = tiny_corpus("bert", SOURCE_WORDS, tmp_path / "corpus")
    spec = spec_of("mini", params, tmp_path / "store", base=base, corpus=corpus)
    refused(spec, tmp_path, capsys, message, where)


@pytest.mark.parametrize(
    ("rows", "message", "where"),
    [
        ('{"text": "the cat", "label": "a"}\n{"text": "the dog"}\n', "label", "train.jsonl:2"),
        ('{"label": "a"}\n', "text", "train.jsonl:1"),
        ("the cat\n", "JSON", "train.jsonl:1"),
        ("", "no examples", "train.jsonl"),
        ('{"text": "the cat", "label": "a"}\n', "give at least two", "train.jsonl"),
    ],
)
def test_task_files(
    rows: str,
    message: str,
    where: str,
    base: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    train = tmp_path / "train.jsonl"
    train.write_text(rows)
    spec = spec_of("finetune", FINETUNE, tmp_path / "store", base=base, train=train)
    refused(spec, tmp_path, capsys, message, where)


def test_a_label_the_model_was_not_trained_on(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train, dev = tmp_path / "train.jsonl", tmp_path / "dev.jsonl"
    train.write_text('{"text": "the cat", "label": "a"}\n{"text": "the dog", "label": "b"}\n')
    dev.write_text('{"text": "the cat", "label": "A"}\n')
    spec = spec_of("finetune", FINETUNE, tmp_path / "store", base=base, train=train, dev=dev)
    refused(spec, tmp_path, capsys, "unknown label 'A'; expected one of a, b", "dev.jsonl:1")


def test_a_base_without_a_tokenizer(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in base.glob("*token*"):
        file.unlink()
    train = tmp_path / "train.jsonl"
    train.write_text('{"text": "the cat", "label": "a"}\n{"text": "the dog", "label": "b"}\n')
    spec = spec_of("finetune", FINETUNE, tmp_path / "store", base=base, train=train)
    refused(spec, tmp_path, capsys, "tokenizer", "spec.base.uri")


def test_an_input_that_changed_since_it_was_planned(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = tmp_path / "train.jsonl"
    train.write_text('{"text": "the cat", "label": "a"}\n')
    spec = spec_of("finetune", FINETUNE, tmp_path / "store", base=base, train=train)
    train.write_text('{"text": "the cat", "label": "b"}\n')
    refused(spec, tmp_path, capsys, "changed since it was planned", "train.jsonl", heals=True)


@pytest.mark.ray
@pytest.mark.parametrize(
    ("name", "content", "message", "where"),
    [
        ("a.txt", b"the cat \xff sat", "not UTF-8", "a.txt"),
        ("a.txt", b"", "empty", ""),
        ("a.csv", b"the cat", "needs .txt, .jsonl, .parquet or .arrow", ""),
        ("a.jsonl", b'{"content": "the cat"}\n', 'no field "text"', "a.jsonl:1"),
        ("a.txt", b"the cat sat on the mat\n", "vocabulary", "spec.tokenizer.train.vocabSize"),
    ],
)
def test_corpora(
    name: str,
    content: bytes,
    message: str,
    where: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / name).write_bytes(content)
    spec = spec_of("corpus", CORPUS, tmp_path / "store", text=tmp_path / "text")
    refused(spec, tmp_path, capsys, message, where)
