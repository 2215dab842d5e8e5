"""A mirror of the Hub: a folder with models under their names."""

from pathlib import Path

import pytest

from lingraft.errors import UserError
from lingraft.hub.mirror import VARIABLE, command_for, mirror, mirrored
from lingraft.hub.names import HubModel
from lingraft.sources import fingerprint

MODEL = HubModel("FacebookAI/roberta-base")
S3 = "s3://models/hub/"


@pytest.mark.parametrize("given", [S3, "s3://models/hub"])
def test_a_model_lies_under_its_name(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, given)
    assert mirrored(MODEL) == f"{S3}FacebookAI/roberta-base/"
    assert mirrored(HubModel("a/b", "v1")) == f"{S3}a/b@v1/"


def test_there_may_be_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in (None, ""):
        monkeypatch.delenv(VARIABLE, raising=False)
        if value is not None:
            monkeypatch.setenv(VARIABLE, value)
        assert mirror() == "" and mirrored(MODEL) is None and command_for(S3) == ""


def test_on_one_machine_it_may_be_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for value in (str(tmp_path), f"{tmp_path}/", tmp_path.as_uri()):
        monkeypatch.setenv(VARIABLE, value)
        assert mirror() == f"{tmp_path.as_uri()}/"
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(VARIABLE, "~/hub")
    assert mirror() == f"{tmp_path.as_uri()}/hub/"


@pytest.mark.parametrize("value", ["https://mirror.example", "hf://", "s3://", "file://host/x"])
def test_what_is_no_mirror(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(UserError, match="no address lingraft can read") as caught:
        mirrored(MODEL)
    assert caught.value.where == VARIABLE


@pytest.mark.parametrize(
    "uri",
    [S3, f"{S3}FacebookAI/roberta-base/onnx/", f"{S3}../x/", "s3://models/hub2/a/b/", "s3://x/"],
)
def test_what_is_no_place_of_a_model_in_it(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, S3)
    assert command_for(uri) == ""


def test_a_model_that_it_lacks_is_told_with_what_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, S3)
    assert command_for(f"{S3}FacebookAI/roberta-base@v1/") == (
        "hf download FacebookAI/roberta-base --revision v1 --local-dir roberta-base && "
        f"aws s3 cp --recursive roberta-base {S3}FacebookAI/roberta-base@v1/"
    )
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    uri = mirrored(MODEL)
    assert uri is not None
    with pytest.raises(UserError) as caught:
        fingerprint(uri, "checkpoint")
    assert str(caught.value) == (
        f"{uri}: nothing is there; bring it to the mirror with: "
        f"hf download FacebookAI/roberta-base --local-dir {tmp_path}/FacebookAI/roberta-base"
    )
