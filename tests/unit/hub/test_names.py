"""Names of the Hub's models: taken as huggingface_hub takes them, and none that leads elsewhere."""

import os
import re
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest
from huggingface_hub.errors import HfUriError
from huggingface_hub.utils import parse_hf_uri, validate_repo_id
from hypothesis import given
from hypothesis import strategies as st

from lingraft.errors import UserError
from lingraft.hub.names import MODEL, HubModel, data_refused, model_at

NAMES = [
    ("FacebookAI/roberta-base", HubModel("FacebookAI/roberta-base")),
    ("hf://FacebookAI/roberta-base", HubModel("FacebookAI/roberta-base")),
    ("hf://models/FacebookAI/roberta-base", HubModel("FacebookAI/roberta-base")),
    ("roberta-base", HubModel("roberta-base")),
    ("hf://bert-base-multilingual-cased", HubModel("bert-base-multilingual-cased")),
    ("hf://a/b@main", HubModel("a/b", "main")),
    ("a/b@v1.0-rc", HubModel("a/b", "v1.0-rc")),
    ("hf://a/b@refs/pr/3", HubModel("a/b", "refs/pr/3")),
    ("Org_1/all-MiniLM-L6-v2.5_x", HubModel("Org_1/all-MiniLM-L6-v2.5_x")),
]
NO_NAMES = ["", "a/b/c", "./a", "../a", "/a", "~/a", "a/", "a//b", "a/..", "..", "a..b/c", "a--b"]
NO_NAMES += ["-a", "a.", "a b", "é/x", "a/b\n", "a\0", "file:a", "s3://a/b", "https://x/a/b"]
NO_NAMES += ["models/a", "datasets/a", "a/b.git", "a/b@", "a/b@../x", "a/b@x/y", f"a/{'b' * 97}"]
NO_NAMES += [f"a/b@{'c' * 201}", "@main", "a@b@c"]


@pytest.mark.parametrize(("written", "model"), NAMES)
def test_names(written: str, model: HubModel) -> None:
    assert model_at(written) == model


@pytest.mark.parametrize("written", NO_NAMES, ids=repr)
def test_what_is_no_name(written: str) -> None:
    assert model_at(written) is None
    if "://" not in written and not written.startswith("models/"):
        with pytest.raises(UserError, match="is no name of a model; write hf://org/name or hf:"):
            model_at(f"hf://{written}")


@pytest.mark.parametrize(
    "written", ["hf://datasets/a/b", "hf://spaces/a/b", "hf://buckets/a/b", "hf://a/b/config.json"]
)
def test_of_the_hub_but_no_model(written: str) -> None:
    with pytest.raises(UserError, match=re.escape(f"{written} is no name of a model")):
        model_at(written)


@given(st.from_regex(f"^{MODEL}\\Z"))
def test_the_hubs_own_library_takes_every_name_that_is_taken(written: str) -> None:
    try:
        model = model_at(written)
    except UserError:
        return
    if model is None:
        return
    validate_repo_id(model.repository)
    parts = PurePosixPath(f"{model}").parts
    assert ".." not in parts and "." not in parts and not PurePosixPath(f"{model}").is_absolute()
    if "/" in model.repository and written.startswith("hf://"):
        theirs = parse_hf_uri(written)
        assert (theirs.type, theirs.id, theirs.revision or "") == (
            *("model", model.repository, model.revision),
        )


@given(st.text(st.sampled_from("ab1/.-_@:%\n")).map(lambda text: f"hf://{text}"))
def test_what_that_library_refuses_is_refused(written: str) -> None:
    try:
        model = model_at(written)
    except UserError:
        return
    assert model is not None
    if "/" in model.repository:  # it wants an organisation, which old models have not
        try:
            assert parse_hf_uri(written).id == model.repository
        except HfUriError:
            pytest.fail(f"{written} is none to huggingface_hub")


@pytest.mark.parametrize(
    "command",
    [
        HubModel("a/b", "refs/pr/3").download,
        HubModel("a/b").upload().partition(" && ")[0],
        str(data_refused("hf://datasets/a/b", on_cluster=True)).split(": ")[1].split(" && ")[0],
    ],
)
def test_the_hubs_own_command_line_takes_the_commands(command: str, tmp_path: Path) -> None:
    offline = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    hf, *arguments = command.split()
    program = [str(Path(sys.executable).with_name(hf)), *arguments]
    done = subprocess.run(program, capture_output=True, text=True, env=offline, cwd=tmp_path)
    assert done.returncode == 1, "2 is for options that it does not know"
    assert "offline" in f"{done.stdout}{done.stderr}".lower()


def test_commands() -> None:
    assert HubModel("a/b", "refs/pr/3").download == "hf download a/b --revision refs/pr/3"
    assert HubModel("roberta-base").upload() == (
        "hf download roberta-base --local-dir roberta-base && "
        "aws s3 cp --recursive roberta-base s3://BUCKET/roberta-base/"
    )


@pytest.mark.parametrize(
    ("written", "command"),
    [
        (
            "hf://datasets/wikimedia/wikipedia",
            "hf download wikimedia/wikipedia --repo-type dataset",
        ),
        ("hf://datasets/a/b@main/x/y.parquet", "hf download a/b --repo-type dataset --local-dir b"),
        ("hf://x", "hf download ORG/NAME --repo-type dataset --local-dir NAME"),
        ("hf://datasets/../b", "hf download ORG/NAME --repo-type dataset --local-dir NAME"),
    ],
)
def test_data_is_to_be_brought(written: str, command: str) -> None:
    here, there = (str(data_refused(written, on_cluster=one)) for one in (False, True))
    assert here.startswith(f"{written} is on the Hub, of which lingraft reads models and tokeniz")
    assert command in here and here.endswith("and write the path of its files")
    assert command in there and "&& aws s3 cp --recursive" in there


def test_a_password_and_endless_text_are_not_repeated() -> None:
    with pytest.raises(UserError) as caught:
        model_at(f"hf://me:hunter2@a/b/{'c' * 2000}")
    assert "hunter2" not in str(caught.value) and len(str(caught.value)) < 400
