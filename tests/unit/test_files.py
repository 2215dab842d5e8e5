"""Resource files: every mistake at once, with the line a person has to look at."""

from pathlib import Path

import pytest
import yaml

from lingraft.files import BadFileError, load_resource, load_resources
from lingraft.places import absolute_uri
from tests.support.examples import EXAMPLES

GOOD = """\
apiVersion: lingraft.dev/v1alpha1
kind: LanguageAdaptation
metadata: {name: demo}
spec:
  language: sw
  method: Standard
  base: {uri: model/}
  corpus: {uri: text/sw.txt}
  tasks:
  - {name: a, format: retrieval, test: s3://tasks/a.jsonl}
  store: {uri: file:///data/store}
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "resource.yaml"
    file.write_text(text)
    return file


def mistakes(folder: Path, text: str) -> list[str]:
    with pytest.raises(BadFileError) as caught:
        load_resources(write(folder, text))
    return [str(m).removeprefix(f"{folder}/resource.yaml:") for m in caught.value.mistakes]


def test_local_paths_are_relative_to_the_file_and_uris_stay(tmp_path):
    spec = load_resource(write(tmp_path, GOOD)).spec
    assert spec.base.uri == (tmp_path / "model").as_uri() + "/"
    assert spec.corpus.uri == (tmp_path / "text/sw.txt").as_uri()
    assert spec.tasks[0].test == "s3://tasks/a.jsonl"
    assert spec.store is not None and spec.store.uri == "file:///data/store"


def test_file_colon_paths_are_relative_too(tmp_path):
    assert absolute_uri("file:./a/b.txt", tmp_path) == (tmp_path / "a/b.txt").as_uri()
    assert absolute_uri("/abs/x/", tmp_path) == "file:///abs/x/"


def test_every_mistake_is_found_at_once_and_in_the_order_of_lines(tmp_path):
    text = GOOD.replace("sw\n", "swahili!!\n").replace("Standard", "Standart")
    text = text.replace("corpus: {uri:", "corpus: {url:")
    found = mistakes(tmp_path, text)
    assert [line.split(": ")[0] + " " + line.split(": ")[1] for line in found] == [
        "5 spec.language",
        "6 spec.method",
        "8 spec.corpus.uri",
        "8 spec.corpus.url",
    ]
    assert "choose one of 'Auto', 'Standard', 'MiniJoint' or 'MiniPost'" in found[1]
    assert "did you mean uri?" in found[3]


def test_a_missing_field_points_at_what_it_is_missing_from(tmp_path):
    found = mistakes(tmp_path, GOOD.replace("  corpus: {uri: text/sw.txt}\n", ""))
    assert found == ["4: spec.corpus: is missing; set it"]


def test_a_mistake_in_a_list_has_its_line_and_index(tmp_path):
    found = mistakes(tmp_path, GOOD.replace("name: a,", "name: a, epoch: 3,"))
    assert found == ["10: spec.tasks[0].epoch: there is no such field; did you mean epochs?"]


def test_what_yaml_takes_for_something_else_is_to_be_quoted(tmp_path):
    task = "name: a, labels: [no, 1, 'x'], train: s3://tasks/t.jsonl,"
    text = GOOD.replace("name: a,", task).replace("format: retrieval", "format: pairs")
    assert mistakes(tmp_path, text) == [
        "10: spec.tasks[0].labels[0]: YAML reads this as False; put it in quotes",
        "10: spec.tasks[0].labels[1]: YAML reads this as 1; put it in quotes",
    ]


def test_rules_between_fields_are_sentences(tmp_path):
    found = mistakes(tmp_path, GOOD.replace("method: Standard", "method: MiniPost"))
    assert found == ["4: spec: method MiniPost needs mini.text: source-language text for step 1b"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: Deployment\n", "1: kind: is 'Deployment'"),
        ("", "1: file: is empty"),
        ("a: [1\n", "2: yaml:"),
        ("- 1\n", "1: kind: is None"),
    ],
)
def test_files_of_another_kind(tmp_path, text, message):
    assert mistakes(tmp_path, text)[0].startswith(message)


@pytest.mark.parametrize(
    "value",
    ["2024-99-99", "&x [*x]", "{? [a, b] : c}", "!unknown 1", "{<<: [1]}", "\x07"],
    ids=repr,
)
def test_yaml_that_yaml_itself_refuses_is_a_mistake_and_no_traceback(tmp_path, value):
    with pytest.raises(BadFileError):
        load_resources(write(tmp_path, GOOD.replace("s3://tasks/a.jsonl", value)))


def test_snake_case_and_repeated_keys_are_refused_as_a_cluster_would(tmp_path):
    assert (
        "did you mean batchTokens?"
        in mistakes(
            tmp_path, GOOD.replace("  store:", "  embeddings: {batch_tokens: 5}\n  store:")
        )[0]
    )
    assert mistakes(tmp_path, GOOD + "  store: {uri: b}\n") == [
        "12: store: is given twice; YAML would keep only the last one"
    ]


def test_norwegian_is_a_language(tmp_path):
    assert mistakes(tmp_path, GOOD.replace("sw\n", "no\n")) == [
        "5: spec.language: YAML reads this as False; put it in quotes"
    ]


def test_a_gate_asks_for_a_metric_the_task_has(tmp_path):
    found = mistakes(tmp_path, GOOD.replace("name: a,", "name: a, gate: {metric: f1, min: 1},"))
    assert found == ["10: spec.tasks[0]: gate.metric is f1; a retrieval task has accuracy"]


def test_a_file_that_is_not_there_or_not_text(tmp_path):
    with pytest.raises(BadFileError, match="No such file"):
        load_resources(tmp_path / "none.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadFileError, match="not UTF-8"):
        load_resources(tmp_path / "bytes.yaml")


def test_several_documents_are_all_checked(tmp_path):
    bad = GOOD.replace("Standard", "Standart")
    found = mistakes(tmp_path, f"{GOOD}---\n{bad}---\n{bad}")
    lines = len(GOOD.splitlines()) + 1
    assert [m.split(":")[0] for m in found] == [str(6 + lines), str(6 + 2 * lines)]
    assert len(load_resources(write(tmp_path, f"{GOOD}---\n{GOOD}"))) == 2


@pytest.mark.parametrize("file", EXAMPLES, ids=str)
def test_every_example_is_valid(file):
    assert load_resource(file).metadata.name == yaml.safe_load(file.read_text())["metadata"]["name"]
