"""Step 4: what is exported is the base's body with the new matrix, for anybody to load."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM, AutoTokenizer

from lingraft.formats import Answer, Question
from lingraft.resource.formats import TaskFormat
from lingraft_trainer.evaluation.entries import BOOTSTRAP_SEED, summarise
from lingraft_trainer.evaluation.metrics import bootstrap_stderr
from lingraft_trainer.models.family import output
from lingraft_trainer.stages.embed import EMBEDDINGS
from lingraft_trainer.stages.graft import graft
from lingraft_trainer.tasks.kinds import Scores
from tests.support import families, fresh
from tests.support.bases import NASTY, TEXT
from tests.support.families import PUBLISHED
from tests.support.tiny import MATRIX, context

TASKS: dict[str, tuple[TaskFormat, str]] = {
    "topic": ("classification", "AutoModelForSequenceClassification"),
    "questions": ("qa", "AutoModelForQuestionAnswering"),
    "choices": ("choice", "AutoModelForMultipleChoice"),
}
# Short enough for the tiny models' positions.
TEXTS = [t for t in [*TEXT[:4], *NASTY] if len(t) < 24] + ["habari ya asubuhi"]
PAIRS = [["mtoto mdogo", "kitabu leo"]]


def tasks_of(model_type: str) -> dict[str, tuple[TaskFormat, str]]:
    """transformers answers no questions with EuroBERT, nor chooses."""
    return {"topic": TASKS["topic"]} if model_type == "eurobert" else TASKS


@dataclass
class Grafted:
    """One family's artifacts."""

    base: Path
    corpus: Path
    embed: Path
    tasks: dict[str, Path]
    out: Path


def make(model_type: str, folder: Path, *, head: bool = True) -> Grafted:
    """Run the stage `graft` on a base of the family."""
    base = families.write_base(model_type, folder / "base")
    if not head:
        body = AutoModel.from_pretrained(base)
        (base / "model.safetensors").unlink()
        body.save_pretrained(base)
    corpus = families.write_corpus(base, folder / "corpus")
    embed = families.write_embeddings(base, folder / "embed")
    tests = families.write_tests(folder / "tests")
    of_tasks = tasks_of(model_type)
    tasks = {
        name: families.write_task_model(base, format, folder / name)
        for name, (format, _) in of_tasks.items()
    }
    params = {
        "language": "sw",
        "method": "Standard",
        "init": "overlap",
        "seed": 0,
        "tasks": [
            {"name": name, "format": format, "maxLength": 32, "seeds": [0]}
            for name, (format, _) in of_tasks.items()
        ],
    }
    inputs = {f"finetune:{name}:0": path for name, path in tasks.items()}
    inputs |= {f"test:{name}": tests[name] for name in of_tasks}
    ctx = context(folder / "graft", params, base=base, corpus=corpus, embed=embed, **inputs)
    ctx.ancestors = families.embed_manifest
    graft(ctx)
    families.write_whole(ctx.out, base, {f"{name}-0": path for name, path in tasks.items()})
    return Grafted(base, corpus, embed, tasks, ctx.out)


@pytest.fixture(scope="module")
def grafted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Grafted]:
    """Every family's, each made when it is asked for."""

    class Made(dict[str, Grafted]):
        def __missing__(self, name: str) -> Grafted:
            self[name] = make(name, tmp_path_factory.mktemp(name))
            return self[name]

    return Made()


def exports(one: Grafted) -> dict[str, tuple[Path, Path]]:
    """Auto class to (exported folder, the folder it was made from)."""
    found = {name: (one.out / "model", one.base) for name in ("AutoModelForMaskedLM", "AutoModel")}
    for name, origin in one.tasks.items():
        found[TASKS[name][1]] = (one.out / "tasks" / f"{name}-0", origin)
    return found


@pytest.fixture(scope="module")
def answers(
    grafted: dict[str, Grafted], tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, str], dict[str, Any]]:
    """What a process that knows nothing of this project gets, by family and Auto class."""
    keys = [(family, auto) for family in PUBLISHED for auto in exports(grafted[family])]
    checks = [
        {"folder": str(exports(grafted[family])[auto][0]), "auto": auto, "texts": TEXTS}
        | {"pairs": PAIRS}
        for family, auto in keys
    ]
    file = tmp_path_factory.mktemp("checks") / "checks.json"
    file.write_text(json.dumps(checks))
    run = subprocess.run(
        [sys.executable, "-I", fresh.__file__, str(file)],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert run.returncode == 0, run.stderr
    said = json.loads(run.stdout)
    assert said["ours"] == []
    return dict(zip(keys, said["answers"], strict=True))


@pytest.mark.parametrize("model_type", PUBLISHED)
def test_the_full_model_is_the_base_plus_the_new_matrix_and_bias(
    model_type: str, grafted: dict[str, Grafted]
) -> None:
    one = grafted[model_type]
    before, after = (load_file(p / "model.safetensors") for p in (one.base, one.out / "model"))
    learned = load_file(one.embed / EMBEDDINGS)
    assert set(before) == set(after)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    matrix = next(name for name in before if name.endswith(MATRIX))
    decoder = "lm_head.weight" if "output" in learned else matrix
    biases = changed - {matrix, decoder}
    assert bool(biases) == ("bias" in learned) and all(name.endswith("bias") for name in biases)
    torch.testing.assert_close(after[decoder], learned.get("output", learned["weight"]))
    torch.testing.assert_close(after[matrix], learned["weight"], rtol=0, atol=0)
    for name in biases:
        assert before[name].shape[0] == before[matrix].shape[0], f"{name} is no output bias"
        torch.testing.assert_close(after[name], learned["bias"], rtol=0, atol=0)


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("model_type", PUBLISHED)
def test_a_task_model_is_the_fine_tuned_one_plus_the_new_matrix(
    model_type: str, name: str, grafted: dict[str, Grafted]
) -> None:
    one = grafted[model_type]
    if name not in one.tasks:
        pytest.skip("transformers has no such class")
    folder = one.out / "tasks" / f"{name}-0"
    before, after = (load_file(p / "model.safetensors") for p in (one.tasks[name], folder))
    assert set(before) == set(after)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert len(changed) == 1 and changed.pop().endswith(MATRIX)


@pytest.mark.parametrize("model_type", PUBLISHED)
def test_the_config_differs_in_its_vocabulary_only(
    model_type: str, grafted: dict[str, Grafted]
) -> None:
    one = grafted[model_type]
    for _, (folder, origin) in exports(one).items():
        before, after = (AutoConfig.from_pretrained(p).to_dict() for p in (origin, folder))
        changed = {name for name in before if before[name] != after.get(name)}
        changed = {name for name in changed if not name.endswith("_token_id")}
        assert changed - {"_name_or_path"} == {"vocab_size"}
        tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        assert after["vocab_size"] == len(tokenizer)
        assert after["pad_token_id"] == tokenizer.pad_token_id
        named = json.loads((folder / "tokenizer_config.json").read_text())["tokenizer_class"]
        assert named == "PreTrainedTokenizerFast", "transformers 4 knows no other"


@pytest.mark.parametrize(
    "auto", ["AutoModelForMaskedLM", "AutoModel", *(a for _, a in TASKS.values())]
)
@pytest.mark.parametrize("model_type", PUBLISHED)
def test_a_fresh_process_gets_the_same_ids_offsets_and_outputs(
    model_type: str,
    auto: str,
    grafted: dict[str, Grafted],
    answers: dict[tuple[str, str], dict[str, Any]],
) -> None:
    one = grafted[model_type]
    if auto not in exports(one):
        pytest.skip("transformers has no such class")
    answer = answers[model_type, auto]
    tokenizer = AutoTokenizer.from_pretrained(one.corpus / "tokenizer")
    model = by_hand(auto, exports(one)[auto][1], one, model_type)
    for i, text in enumerate([*TEXTS, *PAIRS]):
        encoded = tokenizer(
            *([text] if isinstance(text, str) else text), return_offsets_mapping=True
        )
        assert answer["ids"][i] == encoded["input_ids"], text
        assert answer["offsets"][i] == [list(o) for o in encoded.pop("offset_mapping")], text
        batch = {name: torch.tensor([value]) for name, value in encoded.items()}
        if "MultipleChoice" in auto:
            batch = {name: value[None] for name, value in batch.items()}
        with torch.no_grad():
            found = model(**batch)
        hidden = found[0].flatten()
        torch.testing.assert_close(torch.tensor(answer["outputs"][i][: len(hidden)]), hidden)
    # A masked-LM checkpoint has no pooler; nothing else may be missing.
    assert all(".pooler." in f".{name}" for name in answer["missing"]), answer["missing"]
    assert auto == "AutoModel" or not answer["missing"]
    assert auto == "AutoModel" or not answer["unexpected"]


def by_hand(auto: str, origin: Path, one: Grafted, model_type: str) -> Any:
    """The model as plain transformers makes it from what it was grafted from."""
    model = getattr(transformers, auto).from_pretrained(origin).eval()
    learned = load_file(one.embed / EMBEDDINGS)
    model.resize_token_embeddings(families.TARGET_VOCABULARY, mean_resizing=False)
    model.get_input_embeddings().weight.data.copy_(learned["weight"])
    if auto == "AutoModelForMaskedLM":
        output(model).weight.data.copy_(learned.get("output", learned["weight"]))
        if "bias" in learned:
            output(model).bias.data.copy_(learned["bias"])
    return model


def test_which_files_were_read_is_said(grafted: dict[str, Grafted]) -> None:
    evaluation = json.loads((grafted["bert"].out / "evaluation.json").read_text())
    for one, name, rows in zip(evaluation, TASKS, (6, 1, 4), strict=True):
        file = {"name": f"{name}.jsonl", "rows": rows}
        assert one["data"] == {"test": {"files": [file], "skipped": 0}}
        assert one["warnings"] == []


def test_the_standard_error_of_questions_is_drawn_by_paragraph() -> None:
    """Ten questions on each of four paragraphs, which are all right or all wrong."""
    answers = (Answer("a", 0),)
    rows = [Question("same", f"q {i}", f"paragraph {i // 10}", answers) for i in range(40)]
    right = [float(i // 10 % 2) for i in range(40)]
    scores = Scores(per_example={"f1": right}, totals={"f1": 0.5})
    found = summarise([scores], rows)["f1"]["stderr"]
    alone = bootstrap_stderr(right, None, BOOTSTRAP_SEED)
    assert found == bootstrap_stderr(right, [row.group for row in rows], BOOTSTRAP_SEED)
    assert found > 2 * alone, "questions drawn singly promise too much"


def test_a_base_without_a_head_gives_a_body_and_task_models_only(tmp_path: Path) -> None:
    one = make("bert", tmp_path, head=False)
    config = json.loads((one.out / "model" / "config.json").read_text())
    assert config["architectures"] == ["BertModel"]
    before, after = (load_file(p / "model.safetensors") for p in (one.base, one.out / "model"))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert set(before) == set(after) and changed == {"embeddings.word_embeddings.weight"}
    _, loading = AutoModel.from_pretrained(one.out / "model", output_loading_info=True)
    assert not loading["missing_keys"]
    _, loading = AutoModelForMaskedLM.from_pretrained(one.out / "model", output_loading_info=True)
    assert any(name.startswith("cls.") for name in loading["missing_keys"])
    for name, (_, auto) in TASKS.items():
        folder = one.out / "tasks" / f"{name}-0"
        _, loading = getattr(transformers, auto).from_pretrained(folder, output_loading_info=True)
        assert not loading["missing_keys"]
