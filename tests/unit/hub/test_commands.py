"""`lingraft validate` and `plan` of a base that is named as people name it."""

import json
from pathlib import Path
from typing import Any

import pytest

from lingraft import cli
from lingraft.hub.mirror import VARIABLE
from lingraft.stage import Stage
from tests.support.hub import COMMIT, download

NAME = "FacebookAI/roberta-base"
RESOURCE = """\
apiVersion: lingraft.dev/v1alpha1
kind: LanguageAdaptation
metadata: {name: demo}
spec:
  language: sw
  method: Standard
  base: {uri: BASE}
  corpus: {uri: sw.txt}
  embeddings: {steps: 600, batchTokens: 1024, sequenceLength: 64}
  store: {uri: store}
"""
CONFIG = {
    "model_type": "roberta",
    "architectures": ["RobertaForMaskedLM"],
    "num_hidden_layers": 6,
    "hidden_size": 64,
    "intermediate_size": 256,
    "vocab_size": 1000,
    "max_position_embeddings": 130,
    "pad_token_id": 1,
}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.delenv("HUGGINGFACE_HUB_CACHE", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("LINGRAFT_CACHE", str(tmp_path / "lingraft"))
    return tmp_path / "hf/hub"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A checkpoint as the Hub has it, with what is not read."""
    folder = tmp_path / "published"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    for name in ("model.safetensors", "tokenizer.json", "pytorch_model.bin", "README.md"):
        (folder / name).write_text(name)
    return folder


@pytest.fixture
def call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """A command on a resource with this base, in a folder of its own."""
    work = tmp_path / "work"
    work.mkdir()
    (work / "sw.txt").write_text("habari yako\n" * 5000)
    file = work / "sw.yaml"

    def called(command: str, base: str, *options: str) -> tuple[int, str, str]:
        file.write_text(RESOURCE.replace("BASE", base))
        with pytest.raises(SystemExit) as left:
            cli.main([command, "-f", str(file), *options])
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err.replace(f"{file}", "sw.yaml")

    return called


def digests(planned: tuple[int, str, str]) -> dict[str, str]:
    code, out, err = planned
    assert code == 0, err
    stages = json.loads(out)["stages"]
    return {one["name"]: Stage.model_validate(one["stage"]).digest for one in stages}


def test_a_base_of_the_cache_is_the_same_as_a_folder_of_its_files(
    call: Any, files: Path, cache: Path
) -> None:
    place = download(files, NAME, cache)
    assert call("validate", NAME)[0] == 0
    from_folder = digests(call("plan", f"{files}/", "--json"))
    for written in (NAME, f"hf://{NAME}", f"hf://{NAME}@{COMMIT}"):
        planned = call("plan", written, "--json")
        assert digests(planned) == from_folder
        uris = {source["uri"] for source in json.loads(planned[1])["sources"]}
        assert f"{place.as_uri()}/" in uris, "the plan says which commit"


def test_another_commit_with_other_weights_is_another_base(
    call: Any, files: Path, cache: Path
) -> None:
    download(files, NAME, cache)
    before = digests(call("plan", NAME, "--json"))
    (files / "model.safetensors").write_text("trained longer")
    download(files, NAME, cache, commit="1" * 40)
    assert digests(call("plan", NAME, "--json"))["embed"] != before["embed"]
    assert digests(call("plan", f"hf://{NAME}@{COMMIT}", "--json")) == before


@pytest.mark.parametrize("command", ["validate", "plan", "run"])
def test_what_is_not_there_is_one_sentence_with_its_command(
    call: Any, cache: Path, command: str
) -> None:
    code, out, err = call(command, NAME)
    assert (code, out) == (2, "")
    assert err.removeprefix("error: ") == (
        f"sw.yaml:7: spec.base.uri: {NAME} is neither beside this file nor in the local Hub cache "
        f"({cache}), and lingraft fetches nothing; bring it with: hf download {NAME}\n"
    )


def test_half_a_download_says_so(call: Any, files: Path, cache: Path) -> None:
    download(files, NAME, cache, names=["config.json", "tokenizer.json"])
    code, _, err = call("validate", f"hf://{NAME}")
    assert code == 2
    assert err == (
        f"sw.yaml:7: spec.base.uri: the local Hub cache has {NAME} without model.safetensors; "
        f"complete it with: hf download {NAME}\n"
    )


def test_every_mistake_is_told_at_once(call: Any) -> None:
    data = "a/b}\n  tokenizer: {uri: hf://datasets/x/y}\n  mini: {text: {uri: hf://datasets/x/y}"
    code, _, err = call("validate", data)
    assert code == 2
    assert [line.split(": ")[:2] for line in err.splitlines()] == [
        ["sw.yaml:7", "spec.base.uri"],
        ["sw.yaml:8", "spec.tokenizer.uri"],
        ["sw.yaml:9", "spec.mini.text.uri"],
    ]


def test_an_unknown_scheme_is_told_of_those_there_are(call: Any) -> None:
    code, _, err = call("plan", "gs://models/roberta-base/")
    assert code == 2
    assert "spec.base.uri: gs://models/roberta-base/: this is no address lingraft can read" in err
    assert err.endswith("or, for a base or a tokenizer, hf://org/name\n")


def test_a_mirror_is_read_and_what_it_lacks_is_told(
    call: Any, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "mirror"))
    code, _, err = call("plan", NAME)
    place = tmp_path / "mirror" / NAME
    assert code == 2
    assert err == (
        f"error: spec.base.uri: {place.as_uri()}/: nothing is there; bring it to the mirror with: "
        f"hf download {NAME} --local-dir {place}\n"
    )
    place.parent.mkdir(parents=True)
    files.rename(place)
    assert digests(call("plan", NAME, "--json")) == digests(call("plan", f"{place}/", "--json"))
