"""A sentence encoder stays one: its graft loads in sentence-transformers and is scored as there."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sentence_transformers.base.modules import Dense, Normalize
from sentence_transformers.sentence_transformer.modules import Pooling
from transformers import AutoModel, AutoTokenizer

from lingraft_trainer.evaluation.metrics import retrieval_correct
from lingraft_trainer.models.checkpoint import load_body
from lingraft_trainer.models.readout import Readout, encoder_of, lowered
from lingraft_trainer.stages.embed import embed
from lingraft_trainer.stages.graft import graft
from lingraft_trainer.tasks.retrieval import Reader, sentence_vectors
from lingraft_trainer.tokenization.base import load_base_tokenizer
from tests.matrix.files import edit_json
from tests.support import families
from tests.support.bases import TEXT
from tests.support.encoders import PROMPTS, WIDTH, loaded, vectors, write_body, write_encoder
from tests.support.tiny import context, training
from tests.unit.trainer.stages.test_methods import mini_model

LONG = " ".join(TEXT[:30])
"""More tokens than any of these models has positions."""
SHORT = [text[:20].strip() for text in TEXT[:40]]
PAIRS = list(zip(SHORT[:20], SHORT[20:], strict=True))


@dataclass
class Adapted:
    """A base and what became of it."""

    base: Path
    model: Path
    pairs: list[tuple[str, str]]
    scores: dict[str, Any]


def adapted(base: Path, folder: Path, *more: str) -> Adapted:
    """The base through MiniPost, with a retrieval task that has more texts in it."""
    of_task = [*PAIRS, *((text, text) for text in more)]
    corpus = families.write_corpus(base, folder / "corpus")
    model = mini_model("MiniPost", base, folder)
    params = {"method": "MiniPost", "init": "overlap", "training": training(steps=3)}
    ctx = context(folder / "embed", params, model=model, base=base, corpus=corpus)
    embed(ctx)
    pairs = folder / "pairs.jsonl"
    pairs.write_text("".join(json.dumps({"source": s, "target": t}) + "\n" for s, t in of_task))
    task = {"name": "pairs", "format": "retrieval", "maxLength": 30, "seeds": []}
    params = {"language": "sw", "method": "MiniPost", "init": "overlap", "seed": 0}
    inputs = {"base": base, "corpus": corpus, "embed": ctx.out, "test:pairs": pairs}
    grafted = context(folder / "graft", params | {"tasks": [task]}, **inputs)
    grafted.ancestors = families.embed_manifest
    metrics = graft(grafted).metrics
    families.write_whole(grafted.out, base)
    return Adapted(base, grafted.out / "model", of_task, metrics["evaluation"][0])


@pytest.fixture(scope="module")
def multilingual(tmp_path_factory: pytest.TempPathFactory) -> Adapted:
    """As the multilingual MiniLMs are: BERT's body, XLM-R's tokenizer, the mean."""
    folder = tmp_path_factory.mktemp("multilingual")
    body = write_body("bert", folder / "body", tokenizer="xlm-roberta")
    base = write_encoder(body, folder / "base", Pooling(WIDTH), max_length=24, prompts=PROMPTS)
    return adapted(base, folder, LONG)


@pytest.fixture(scope="module")
def projected(tmp_path_factory: pytest.TempPathFactory) -> Adapted:
    """XLM-R's body, a prompt before every text, which is lowered, and more behind the pooling."""
    folder = tmp_path_factory.mktemp("projected")
    body = write_body("xlm-roberta", folder / "body")
    modules = (Pooling(WIDTH, "cls", include_prompt=False), Dense(WIDTH, 8), Normalize())
    base = write_encoder(body, folder / "base", *modules, prompts=PROMPTS, default="query")
    edit_json(base / "sentence_bert_config.json", do_lower_case=True)
    return adapted(base, folder)


@pytest.fixture(params=["multilingual", "projected"])
def one(request: pytest.FixtureRequest) -> Adapted:
    found: Adapted = request.getfixturevalue(request.param)
    return found


def test_its_modules_its_pooler_and_its_prompts_are_the_bases(one: Adapted) -> None:
    kept = ["modules.json", "config_sentence_transformers.json"]
    kept += [str(f.relative_to(one.base)) for f in one.base.glob("[1-9]_*/*")]
    assert len(kept) >= 3
    for name in kept:
        assert (one.model / name).read_bytes() == (one.base / name).read_bytes(), name
    before, after = (load_file(p / "model.safetensors") for p in (one.base, one.model))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert set(before) == set(after) and len(changed) == 1
    assert {"pooler.dense.weight", "pooler.dense.bias"} <= set(after) - changed
    assert loaded(one.model).prompts["passage"] == "kitabu "


def test_it_reads_no_more_than_its_model_has_positions_for(
    multilingual: Adapted, projected: Adapted
) -> None:
    for one, wanted in ((multilingual, 24), (projected, 32)):
        found = loaded(one.model)
        assert found.max_seq_length == wanted
        assert np.isfinite(found.encode([LONG])).all()
        settings = json.loads((one.model / "sentence_bert_config.json").read_text())
        assert settings["max_seq_length"] == wanted and settings["do_lower_case"] is False


@torch.no_grad()
def test_its_vectors_are_the_pooled_states_of_plain_transformers(
    multilingual: Adapted, projected: Adapted
) -> None:
    for one, pooled in ((multilingual, mean), (projected, None)):
        tokenizer: Any = AutoTokenizer.from_pretrained(one.model)
        body = AutoModel.from_pretrained(one.model).eval()
        for text in SHORT[:4]:
            read = text if pooled else PROMPTS["query"] + text
            hidden = body(**tokenizer([read], return_tensors="pt")).last_hidden_state[0]
            if pooled:
                wanted = pooled(hidden)
            else:  # the first behind the prompt
                prompt = len(tokenizer(PROMPTS["query"])["input_ids"]) - 1
                dense = load_file(one.base / "2_Dense/model.safetensors")
                rows = dense["linear.weight"] @ hidden[prompt] + dense["linear.bias"]
                wanted = torch.nn.functional.normalize(rows.tanh(), dim=0)
            np.testing.assert_allclose(vectors(one.model, [text])[0], wanted, atol=1e-5)


def mean(states: torch.Tensor) -> torch.Tensor:
    return states.mean(0)


def test_retrieval_is_what_sentence_transformers_gives(one: Adapted) -> None:
    english = vectors(one.base, [target for _, target in one.pairs])
    for found, reader in (
        (one.scores["metrics"], one.model),
        ({n: s["untouched"] for n, s in one.scores["floors"].items()}, one.base),
    ):
        other = vectors(reader, [source for source, _ in one.pairs])
        for name, centred in (("accuracy", False), ("accuracyCentred", True)):
            wanted = np.mean(retrieval_correct(other, english, centred=centred))
            assert found[name]["mean"] == pytest.approx(wanted), (reader.name, name)


def test_the_trainers_vectors_are_those_of_sentence_transformers(one: Adapted) -> None:
    texts = [source for source, _ in one.pairs]
    for folder in (one.base, one.model):
        encoder, words = encoder_of(folder), load_base_tokenizer(folder)
        assert encoder is not None
        readout = Readout(encoder, folder)
        reader = Reader(load_body(folder), lowered(words) if encoder.lower_case else words, readout)
        found, wanted = sentence_vectors(reader, texts, 30), vectors(folder, texts)
        np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_one_with_a_masked_lm_head_keeps_both(tmp_path: Path) -> None:
    base = families.write_base("bert", tmp_path / "base")
    encoder = write_encoder(write_body("bert", tmp_path / "body"), tmp_path / "st", Pooling(WIDTH))
    for name in ("modules.json", "config_sentence_transformers.json", "1_Pooling/config.json"):
        (base / name).parent.mkdir(exist_ok=True)
        (base / name).write_bytes((encoder / name).read_bytes())
    one = adapted(base, tmp_path)
    config = json.loads((one.model / "config.json").read_text())
    assert config["architectures"] == ["BertForMaskedLM"]
    assert vectors(one.model, SHORT[:3]).shape == (3, WIDTH)
