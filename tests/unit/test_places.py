"""Where the things are that a resource names: paths, the Hub's cache, a mirror."""

import re
from pathlib import Path
from typing import Any

import pytest

from lingraft.errors import UserError
from lingraft.files import load_resource
from lingraft.hub.mirror import VARIABLE
from lingraft.hub.names import MODEL
from lingraft.places import MODELS, Location, on_cluster, on_this_machine, placed
from lingraft.resource import LanguageAdaptationSpec
from tests.support.hub import COMMIT, download

NAME = "FacebookAI/roberta-base"
TEXT: Location = ("corpus", "uri")
BASE, TOKENIZER, PRETRAINED = MODELS


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The folder of the resource's file."""
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.fixture
def snapshot(tmp_path: Path, cache: Path) -> str:
    """URI of the model as it was downloaded."""
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (tmp_path / name).write_text(name)
    names = ("config.json", "model.safetensors", "tokenizer.json")
    return download(tmp_path, NAME, cache, names=names).as_uri() + "/"


def refused(call: Any, field: Location, written: str) -> str:
    with pytest.raises(UserError) as caught:
        call(field, written)
    return str(caught.value)


def test_every_field_of_a_model_is_known() -> None:
    """What the schema says of a URI, and what is made of it."""
    schema = LanguageAdaptationSpec.model_json_schema()

    def fields(node: dict[str, Any], at: Location, kind: str) -> set[Location]:
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rpartition("/")[2]]
        found: set[Location] = {at} if node.get("format") == kind else set()
        for below in [*node.get("anyOf", ()), *([node["items"]] if "items" in node else [])]:
            found |= fields(below, at, kind)
        for name, below in node.get("properties", {}).items():
            found |= fields(below, (*at, name), kind)
        return found

    assert fields(schema, (), "model-uri") == set(MODELS)
    others = fields(schema, (), "uri")
    assert {one[-1] for one in others} == {"uri", "train", "dev", "test", "sourceTest"}
    assert not others & set(MODELS)


@pytest.mark.parametrize("field", MODELS)
@pytest.mark.parametrize("written", [NAME, f"hf://{NAME}", f"hf://{NAME}@{COMMIT}"])
def test_a_model_of_the_hub_lies_in_its_cache(
    home: Path, snapshot: str, field: Location, written: str
) -> None:
    assert on_this_machine(home)(field, written) == snapshot
    assert snapshot.endswith(f"/snapshots/{COMMIT}/")


def test_a_folder_of_that_name_is_meant_where_there_is_one(home: Path, snapshot: str) -> None:
    (home / NAME).mkdir(parents=True)
    place = on_this_machine(home)
    assert place(BASE, NAME) == (home / NAME).as_uri()
    assert place(BASE, f"hf://{NAME}") == snapshot


@pytest.mark.parametrize("written", ["./a/b", "a/b/", "a/b/c", "/a/b", "file:a/b", "../a"])
def test_a_path_stays_one_whether_or_not_something_is_there(home: Path, written: str) -> None:
    assert on_this_machine(home)(BASE, written).startswith("file:///")


@pytest.mark.parametrize("written", ["s3://bucket/a", "file:///a/b", "gs://bucket/a"])
def test_uris_stay_as_they_are(home: Path, written: str) -> None:
    for field in (*MODELS, TEXT):
        assert on_this_machine(home)(field, written) == written
        assert on_cluster(field, written) == written


def test_a_name_of_data_is_a_path_as_ever(home: Path) -> None:
    assert on_this_machine(home)(TEXT, NAME) == (home / NAME).as_uri()


def test_what_is_nowhere_is_told_in_one_sentence(home: Path, cache: Path, snapshot: str) -> None:
    place = on_this_machine(home)
    assert refused(place, BASE, "a/b") == (
        f"a/b is neither beside this file nor in the local Hub cache ({cache}), and lingraft "
        "fetches nothing; bring it with: hf download a/b"
    )
    assert refused(place, BASE, "hf://a/b@v1") == (
        f"a/b@v1 is not in the local Hub cache ({cache}), and lingraft fetches nothing; "
        "bring it with: hf download a/b --revision v1"
    )
    assert refused(place, BASE, "roberta-base").endswith(
        f"bring it with: hf download roberta-base, or write {NAME}, which is there"
    )


def test_a_base_needs_weights_and_a_tokenizer_none(home: Path, tmp_path: Path, cache: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("{}")
    (tmp_path / "config.json").write_text("{}")
    download(tmp_path, "a/b", cache, names=["config.json", "tokenizer.json"])
    place = on_this_machine(home)
    assert "without model.safetensors; complete it with" in refused(place, BASE, "a/b")
    for field in (TOKENIZER, PRETRAINED):
        assert place(field, "a/b").endswith(f"models--a--b/snapshots/{COMMIT}/")


def test_a_mirror_is_the_same_here_and_on_a_cluster(
    home: Path, snapshot: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "s3://models/hub/")
    (home / "a/b").mkdir(parents=True)
    for field in MODELS:
        for place in (on_this_machine(home), on_cluster):
            assert place(field, NAME) == f"s3://models/hub/{NAME}/"
            assert place(field, "hf://a/b@v1") == "s3://models/hub/a/b@v1/"
        assert on_this_machine(home)(field, "a/b").startswith("file:///")


def test_a_cluster_without_one_says_so() -> None:
    assert refused(on_cluster, BASE, f"hf://{NAME}") == (
        f"{NAME} is on the Hugging Face Hub, which lingraft does not reach, and the operator has "
        "no mirror of it (the chart's hubMirror); bring it with: hf download "
        f"{NAME} --local-dir roberta-base && aws s3 cp --recursive roberta-base "
        "s3://BUCKET/roberta-base/ and write that URI"
    )


@pytest.mark.parametrize("field", [TEXT, ("tasks", 0, "test"), ("mini", "text", "uri")])
def test_data_of_the_hub_is_refused(home: Path, field: Location) -> None:
    for place in (on_this_machine(home), on_cluster):
        said = refused(place, field, "hf://datasets/a/b")
        assert "hf download a/b --repo-type dataset --local-dir b" in said


def test_artifacts_are_not_kept_on_the_hub(home: Path) -> None:
    said = "artifacts are not kept on the Hub; write s3://bucket/"
    assert refused(on_cluster, ("store", "uri"), "hf://a/b") == said
    assert refused(on_this_machine(home), ("store", "uri"), "hf://a/b") == f"{said}, or a folder"


def test_a_data_set_is_no_base(home: Path) -> None:
    for place in (on_this_machine(home), on_cluster):
        said = refused(place, BASE, "hf://datasets/a/b")
        assert re.fullmatch(
            r"hf://datasets/a/b is no name of a model; write hf://org/name .*", said
        )


@pytest.mark.parametrize("written", ["models/a", "a/b.git", f"a/{'b' * 97}"])
def test_what_the_api_server_takes_for_a_model_and_is_none(written: str) -> None:
    assert re.fullmatch(MODEL, written)
    said = refused(on_cluster, BASE, written)
    assert said.startswith(f"{written} is no model of the Hub; write s3://bucket/key, or hf://org/")


def test_all_faults_are_found_and_what_is_right_is_placed() -> None:
    spec = {
        "base": {"uri": "a/b"},
        "corpus": {"uri": "hf://x", "textField": "hf://x"},
        "tasks": [{"name": "hf://x", "test": "s3://b/t"}, {"test": "hf://y", "labels": ["hf://z"]}],
    }
    found, faults = placed(spec, on_cluster)
    assert found == spec
    assert [at for at, _ in faults] == [BASE, TEXT, ("tasks", 1, "test")]
    moved, none = placed(spec, lambda at, written: f"{written}!")
    assert (moved["base"]["uri"], moved["tasks"][0]["test"], none) == ("a/b!", "s3://b/t!", [])
    assert moved["tasks"][0]["name"] == "hf://x" and moved["corpus"]["textField"] == "hf://x"


def test_a_store_may_be_of_the_namespace(tmp_path: Path) -> None:
    text = """
apiVersion: lingraft.dev/v1alpha1
kind: LanguageAdaptation
metadata: {name: sw, namespace: team-a}
spec:
  language: sw
  base: {uri: s3://models/base/}
  corpus: {uri: s3://corpora/sw/}
  store: {uri: "s3://lingraft/{namespace}/"}
"""
    (tmp_path / "a.yaml").write_text(text)
    store = load_resource(tmp_path / "a.yaml").spec.store
    assert store is not None and store.uri == "s3://lingraft/team-a/"
