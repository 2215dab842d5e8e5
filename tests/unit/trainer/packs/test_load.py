"""A pack in a base, or in a task model of it, gives the logits of the whole grafted checkpoint."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

import lingraft
from lingraft.errors import UserError
from lingraft.families import FAMILIES
from lingraft.resource.formats import TaskFormat
from lingraft_trainer.packs.load import Loaded, write_full
from lingraft_trainer.stages.finetune import load_task_model
from lingraft_trainer.tasks.features import with_padding
from lingraft_trainer.tasks.kinds import kind_of
from tests.support.packs import write_language
from tests.support.tiny import TARGET_WORDS, tiny_base, tiny_tokenizer

HEADS: dict[str, TaskFormat] = {
    "SequenceClassification": "classification",
    "TokenClassification": "ner",
    "QuestionAnswering": "qa",
    "MultipleChoice": "choice",
}
TEXTS = ["le chat assis", "rouge maison 3", "un oiseau"]
GREEK = ["γάτα", "και", "σκύλος", "στο", "χαλί"]
ROUNDED = ("roberta", "modernbert", "llama", "gemma3_text")


def of_type(base: Path, dtype: torch.dtype) -> None:
    """Write a checkpoint's weights anew in another type."""
    file = base / "model.safetensors"
    tensors = {name: one.to(dtype) for name, one in load_file(file).items()}
    save_file(tensors, file, metadata={"format": "pt"})


def logits(loaded: Loaded, texts: list[str] = TEXTS) -> torch.Tensor:
    """The first thing that a model gives for texts."""
    batch: Any = with_padding(loaded.tokenizer)(texts, padding=True, return_tensors="pt")
    if "MultipleChoice" in type(loaded.model).__name__:
        batch = {name: one[None] for name, one in batch.items()}
    with torch.no_grad():
        return loaded.model(**batch)[0]


def whole(folder: Path, auto: str, tokenizer: Any) -> Loaded:
    """A whole checkpoint as plain transformers loads it."""
    model: Any = getattr(transformers, auto).from_pretrained(folder)
    return Loaded(model, tokenizer)


@pytest.mark.parametrize(
    ("model_type", "dtype"),
    [(name, torch.float32) for name in FAMILIES] + [(name, torch.bfloat16) for name in ROUNDED],
)
def test_a_base_with_a_pack_is_the_whole_checkpoint(
    model_type: str, dtype: torch.dtype, tmp_path: Path
) -> None:
    base = tiny_base(model_type, tmp_path / "base")
    of_type(base, dtype)
    pack = write_language(base, tmp_path / "pack", "fr", TARGET_WORDS)
    write_full(base, pack, tmp_path / "whole")
    loaded = lingraft.load(base, pack)
    auto = "AutoModelForCausalLM" if FAMILIES[model_type].causal else "AutoModelForMaskedLM"
    other = whole(tmp_path / "whole", auto, loaded.tokenizer)
    assert type(loaded.model) is type(other.model) and loaded.model.dtype == other.model.dtype
    assert torch.equal(logits(loaded), logits(other))
    ours, theirs = (one.model.config.to_dict() for one in (loaded, other))
    assert {k for k in theirs if ours.get(k) != theirs[k]} <= {"_name_or_path", "dtype"}
    # Against nothing of ours: the file holds the base's tensors and the pack's.
    learned = load_file(pack / "embeddings.safetensors")
    before, after = (load_file(p / "model.safetensors") for p in (base, tmp_path / "whole"))
    assert before.keys() == after.keys()
    for name, tensor in after.items():
        mine = [torch.equal(tensor, one) for one in learned.values()]
        assert any(mine) or torch.equal(tensor, before[name]), name


def heads(model_type: str) -> list[str]:
    """Those that a task is fine-tuned with."""
    causal = FAMILIES[model_type].causal
    asked = ["SequenceClassification"] if causal else list(HEADS)
    kind = type(transformers.AutoConfig.for_model(model_type))
    return [h for h in asked if kind in getattr(transformers, f"AutoModelFor{h}")._model_mapping]


@pytest.mark.parametrize("model_type", FAMILIES)
def test_a_task_model_with_a_pack_is_the_whole_one(model_type: str, tmp_path: Path) -> None:
    base = tiny_base(model_type, tmp_path / "base")
    pack = write_language(base, tmp_path / "pack", "fr", TARGET_WORDS)
    for head in heads(model_type):
        here = tmp_path / head
        labels = ("a", "b") if HEADS[head] in ("classification", "ner") else ()
        torch.manual_seed(3)
        load_task_model(base, kind_of(HEADS[head]), labels, 0.1).save_pretrained(here / "task")
        write_full(here / "task", pack, here / "whole")
        loaded = lingraft.load(here / "task", pack)
        other = whole(here / "whole", f"AutoModelFor{head}", loaded.tokenizer)
        assert type(loaded.model).__name__.endswith(head)
        assert torch.equal(logits(loaded), logits(other)), head
        before, after = (load_file(here / p / "model.safetensors") for p in ("task", "whole"))
        changed = [name for name in before if not torch.equal(before[name], after[name])]
        assert len(changed) == 1, "the pack's rows are all that is new"


@pytest.fixture
def many(tmp_path: Path) -> tuple[Path, dict[str, Path]]:
    base = tiny_base("roberta", tmp_path / "base")
    words = {"fr": TARGET_WORDS, "el": GREEK, "de": ["katze", "hund", *TARGET_WORDS]}
    packs = {n: write_language(base, tmp_path / n, n, one) for n, one in words.items()}
    return base, packs


def test_languages_take_turns_on_one_body(many: tuple[Path, dict[str, Path]]) -> None:
    base, packs = many
    alone = {name: logits(lingraft.load(base, pack)) for name, pack in packs.items()}
    languages = lingraft.Languages(base, packs.values())
    assert languages.names == ("fr", "el", "de")
    for name in ("fr", "el", "fr", "de", "el"):
        with languages.use(name) as loaded:
            assert torch.equal(logits(loaded), alone[name]), name
            assert loaded.model.config.vocab_size == len(loaded.tokenizer)
    assert languages.bytes["el"] < languages.bytes["fr"] < languages.bytes["de"]
    with pytest.raises(UserError, match="no pack of sw; there are fr, el, de"), languages.use("sw"):
        pass


def test_batches_are_of_one_language_and_results_keep_their_order(
    many: tuple[Path, dict[str, Path]],
) -> None:
    languages = lingraft.Languages(many[0], many[1].values())
    seen: list[int] = []

    def work(loaded: Loaded, texts: list[str]) -> list[str]:
        seen.append(len(texts))
        return [f"{loaded.model.config.vocab_size} {text}" for text in texts]

    asked = ["fr", "el", "fr", "fr", "de", "el", "fr"]
    size = {}
    for name in many[1]:
        with languages.use(name) as loaded:
            size[name] = len(loaded.tokenizer)
    found = languages.map(work, list("abcdefg"), asked, batch_size=2)
    assert found == [f"{size[n]} {text}" for n, text in zip(asked, "abcdefg", strict=True)]
    assert sorted(seen) == [1, 2, 2, 2]


def test_threads_wait_for_their_language(many: tuple[Path, dict[str, Path]]) -> None:
    base, packs = many
    alone = {name: logits(lingraft.load(base, pack)) for name, pack in packs.items()}
    languages = lingraft.Languages(base, packs.values())
    wrong: list[str] = []

    def ask(name: str) -> None:
        for _ in range(20):
            with languages.use(name) as loaded:
                if not torch.equal(logits(loaded), alone[name]):
                    wrong.append(name)

    threads = [threading.Thread(target=ask, args=(name,)) for name in packs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_causal_model_begins_and_ends_as_its_language_says(tmp_path: Path) -> None:
    base = tiny_base("llama", tmp_path / "base")
    packs = [write_language(base, tmp_path / n, n, w) for n, w in (("fr", TARGET_WORDS),)]
    with lingraft.Languages(base, packs).use("fr") as (model, tokenizer):
        generating: Any = model
        ids = tokenizer("le chat", return_tensors="pt")
        made = generating.generate(**ids, max_new_tokens=4, do_sample=False)
    assert int(made.max()) < len(tokenizer)


def test_a_pack_of_another_base_is_refused(many: tuple[Path, dict[str, Path]]) -> None:
    base, packs = many
    file = base / "model.safetensors"
    tensors = load_file(file)
    name = next(n for n in tensors if n.endswith("word_embeddings.weight"))
    tensors[name][7, 1] += 1
    save_file(tensors, file, metadata={"format": "pt"})
    with pytest.raises(UserError, match="learned for another roberta: give the base"):
        lingraft.load(base, packs["fr"])


def test_a_pack_of_another_family_is_refused(
    many: tuple[Path, dict[str, Path]], tmp_path: Path
) -> None:
    other = tiny_base("bert", tmp_path / "other")
    with pytest.raises(UserError, match="is for a roberta, and this is a bert"):
        lingraft.load(other, many[1]["fr"])


def test_two_packs_of_a_language_are_refused(many: tuple[Path, dict[str, Path]]) -> None:
    with pytest.raises(UserError, match="two packs are of fr"):
        lingraft.Languages(many[0], [many[1]["fr"], many[1]["fr"]])
    with pytest.raises(UserError, match="one pack at least"):
        lingraft.Languages(many[0], [])


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda pack: (pack / "pack.json").unlink(), "no language pack"),
        (lambda pack: (pack / "pack.json").write_text("{"), "cannot be read"),
        (lambda pack: newer(pack), "is lingraft older"),
        (lambda pack: (pack / "embeddings.safetensors").write_bytes(b"0"), "not whole"),
        (lambda pack: (pack / "tokenizer.json").unlink(), "not whole"),
        (lambda pack: save_file({"a": torch.ones(1)}, pack / "embeddings.safetensors"), "no weigh"),
    ],
)
def test_what_is_no_pack_is_refused(
    spoil: Any, said: str, many: tuple[Path, dict[str, Path]]
) -> None:
    base, packs = many
    spoil(packs["fr"])
    with pytest.raises(UserError, match=said):
        lingraft.load(base, packs["fr"])


def newer(pack: Path) -> None:
    file = pack / "pack.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"format": 2}))


def test_a_pack_is_its_rows_and_its_tokenizer(many: tuple[Path, dict[str, Path]]) -> None:
    record = json.loads((many[1]["fr"] / "pack.json").read_text())
    rows = len(tiny_tokenizer("roberta", TARGET_WORDS))
    assert (record["vocabulary"], record["width"]) == (rows, 16)
    size = (many[1]["fr"] / "embeddings.safetensors").stat().st_size
    assert size < 4 * rows * 17 + 400
