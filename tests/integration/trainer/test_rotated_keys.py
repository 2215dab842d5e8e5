"""S3 keys that expire while a stage trains: it says so, and goes on with the new ones."""

from pathlib import Path
from typing import Any

import pytest

from lingraft.errors import CredentialsError
from lingraft.stage import Progress
from lingraft.store import credentials
from lingraft.store.s3 import S3Store
from lingraft_trainer.running import renewal
from lingraft_trainer.running.runner import run
from lingraft_trainer.training import checkpoints
from tests.integration.trainer.test_resume import embed_spec
from tests.support.stages import manifest_of
from tests.support.tiny import TARGET_WORDS, tiny_base, tiny_corpus


@pytest.fixture
def secret(s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mounted Secret; nothing in the environment."""
    folder = tmp_path / "secret"
    folder.mkdir()
    for key in credentials.KEYS[:2]:
        (folder / key).write_text(s3.environment[key])
        monkeypatch.delenv(key)
    monkeypatch.setenv(credentials.FOLDER, str(folder))
    monkeypatch.setattr(renewal, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(checkpoints, "CHECKPOINT_SECONDS", 0.0)  # one at each update, and waits
    tiny_base("roberta", tmp_path / "base")
    tiny_corpus("roberta", TARGET_WORDS, tmp_path / "corpus")
    return folder


class Rotation:
    """Listens to a stage: takes its key away in the middle of training."""

    def __init__(self, secret: Path, *, comes_back: bool) -> None:
        self.key, self.comes_back = secret / "AWS_ACCESS_KEY_ID", comes_back
        self.right = self.key.read_text()
        self.waited: list[Progress] = []
        self.rotated = False

    def __call__(self, progress: Progress) -> None:
        if progress.phase.startswith("waiting for new credentials"):
            self.waited.append(progress)
            if self.comes_back:
                self.key.write_text(self.right)
        elif progress.step >= 20 and not self.rotated:
            self.rotated = True
            self.key.write_text("rotated-away")


def test_a_stage_goes_on_with_new_keys_in_the_same_process(
    s3: Any, secret: Path, tmp_path: Path
) -> None:
    spec = embed_spec(tmp_path, "s3", "me").model_copy(update={"store": s3.uri})
    rotation = Rotation(secret, comes_back=True)
    run(spec, rotation)
    assert rotation.waited and "InvalidAccessKeyId" in rotation.waited[0].phase
    assert rotation.waited[0].step >= 20, "what was done by then is still shown"
    assert manifest_of(spec).holder == "me"


def test_a_stage_beside_an_operator_gives_up_by_its_own_class(
    s3: Any, secret: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = embed_spec(tmp_path, "s3", "me").model_copy(update={"store": s3.uri})
    monkeypatch.setattr(renewal, "one_machine", lambda: False)
    monkeypatch.setattr(renewal, "PATIENCE_SECONDS", 0.0)
    rotation = Rotation(secret, comes_back=False)
    with pytest.raises(CredentialsError, match="refuses these credentials"):
        run(spec, rotation)
    rotation.key.write_text(rotation.right)
    newest = S3Store("lingraft", s3.uri.removeprefix("s3://lingraft/"))
    assert any("checkpoint.json" in one.key for one in newest.list("")), "the next one resumes"
    run(spec)
    assert manifest_of(spec)
