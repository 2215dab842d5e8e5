"""Every stage that trains through transformers' modules trains through quick ones."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from lingraft.stage import Result
from lingraft_trainer.models.attention import ATTENTION
from lingraft_trainer.models.dropout import Dropout
from lingraft_trainer.running.context import StageContext
from lingraft_trainer.stages import embed, mini, pretrain
from tests.support.tiny import SOURCE_WORDS, context, tiny_base, tiny_corpus, training

POST = {"method": "MiniPost", "layers": 2, "newLayers": 1, "training": training()}
EMBED = {"method": "Standard", "init": "random", "training": training(dropout=0.1)}
PRETRAIN = {
    "modelType": "roberta",
    "layers": 2,
    "hiddenSize": 16,
    "attentionHeads": 2,
    "intermediateSize": 32,
    "positions": 40,
    "initializerRange": 0.02,
    "neighbourHeads": False,
    "jointLayers": 1,
    "training": training(dropout=0.1),
}


class Seen(Exception):
    """What was to be seen was seen: nothing needs to be trained."""


@pytest.mark.parametrize(
    ("module", "stage", "params"),
    [
        (mini, mini.mini, POST),
        (embed, embed.embed, EMBED),
        (pretrain, pretrain.pretrain, PRETRAIN),
    ],
    ids=["mini", "embed", "pretrain"],
)
def test_the_model_that_trains_has_them(
    module: ModuleType,
    stage: Callable[[StageContext], Result],
    params: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def spy(_ctx: StageContext, objective: Any, *_args: Any, **_kwargs: Any) -> None:
        assert objective.model.config._attn_implementation == ATTENTION
        assert any(isinstance(one, Dropout) for one in objective.model.modules())
        raise Seen

    monkeypatch.setattr(module, "fit", spy)
    base = tiny_base("roberta", tmp_path / "base")
    corpus = tiny_corpus("roberta", SOURCE_WORDS, tmp_path / "corpus")
    inputs = {"model": base, "base": base, "corpus": corpus}
    with pytest.raises(Seen):
        stage(context(tmp_path / "stage", params, **inputs))
