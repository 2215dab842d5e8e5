"""A file for the command line, and a call of it."""

import pytest

from lingraft import cli

RESOURCE = """\
apiVersion: lingraft.dev/v1alpha1
kind: LanguageAdaptation
metadata: {name: demo}
spec:
  language: sw
  method: Standard
  base: {uri: base/}
  corpus: {uri: sw.txt}
  embeddings: {steps: 600, batchTokens: 1024, sequenceLength: 64}
  tasks:
  - name: genre
    format: classification
    train: en.jsonl
    test: sw.jsonl
    maxLength: 64
    gate: {metric: accuracy, min: 0.5}
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


def call(capsys, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        cli.main(list(arguments))
    out, err = capsys.readouterr()
    return int(left.value.code or 0), out, err
