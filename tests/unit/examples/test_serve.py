"""What the served example says of texts, without a server."""

import sys
from pathlib import Path
from typing import Any

import pytest
import transformers

import lingraft
from lingraft.errors import UserError
from lingraft_trainer.packs.load import write_full
from lingraft_trainer.stages.finetune import load_task_model
from lingraft_trainer.tasks.kinds import kind_of
from tests.support.packs import write_language
from tests.support.tiny import TARGET_WORDS, tiny_base

sys.path.insert(0, str(Path(__file__).parents[3] / "examples" / "serve"))
import here
from languages import Refused, pipeline_for, work

TEXTS = ["le chat assis", "rouge", "un oiseau et 3 chat"]


def scores(answer: list[dict[str, Any]]) -> dict[str, Any]:
    return {one["label"]: pytest.approx(one["score"], abs=1e-6) for one in answer}


def test_a_task_model_answers_as_its_whole_checkpoint(tmp_path: Path) -> None:
    base = tiny_base("bert", tmp_path / "base")
    task = load_task_model(base, kind_of("classification"), ("good", "bad"), 0.1)
    task.save_pretrained(tmp_path / "task")
    pack = write_language(base, tmp_path / "pack", "fr", TARGET_WORDS)
    write_full(tmp_path / "task", pack, tmp_path / "whole")
    whole: Any = transformers.pipeline(
        "text-classification", model=str(tmp_path / "whole"), top_k=None
    )
    languages = lingraft.Languages(tmp_path / "task", [pack])
    for texts in (TEXTS, TEXTS[:1]):
        found = languages.map(work, texts, ["fr"] * len(texts))
        assert [scores(one) for one in found] == [
            {said["label"]: said["score"] for said in one} for one in whole(texts)
        ]


def test_a_text_that_cannot_be_read_spoils_no_other(tmp_path: Path) -> None:
    base = tiny_base("roberta", tmp_path / "base")
    pack = write_language(base, tmp_path / "pack", "fr", TARGET_WORDS)
    loaded = lingraft.load(base, pack)
    good, bad, also = work(loaded, ["le <mask>", "le chat", "un <mask>"])
    assert isinstance(bad, Refused) and "No mask_token" in str(bad)
    assert len(good) == len(also) == 5 and good[0]["sequence"].startswith("le")


def test_what_has_no_pipeline_is_refused(tmp_path: Path) -> None:
    model: Any = transformers.AutoModel.from_pretrained(tiny_base("bert", tmp_path / "base"))
    with pytest.raises(UserError, match="BertModel cannot be served here, but ForMaskedLM"):
        pipeline_for(model, None)


def test_a_mistake_is_one_sentence_before_ray_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray would say a minute later that a replica failed, and not why."""
    base, other = tiny_base("bert", tmp_path / "base"), tiny_base("roberta", tmp_path / "other")
    pack = write_language(base, tmp_path / "pack", "fr", TARGET_WORDS)
    monkeypatch.setattr(here, "start_ray", lambda: pytest.fail("too late"))
    for given, said in (
        ((base, tmp_path), "this is no language pack"),
        ((other, pack), "is for a bert, and this is a roberta"),
        ((base, pack, pack), "two packs are of fr"),
    ):
        monkeypatch.setattr(sys, "argv", ["here.py", *map(str, given)])
        with pytest.raises(SystemExit) as left:
            here.main()
        assert str(left.value.code).startswith("error: ") and said in str(left.value.code)
