"""`lingraft explain`: every field is found, told with bounds and default, and typos are led on."""

import pytest

from lingraft.crd.fields import find, root, walk
from lingraft.errors import UserError
from lingraft.explain import explain_lines

PATHS = [field.path for field in walk(root())]


def test_every_field_is_found_and_says_what_it_means():
    assert len(PATHS) > 200
    for field in walk(root()):
        assert field.meaning.endswith("."), field.path
        assert "Default:" not in field.meaning and not field.default.endswith(".")
        assert field.name


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("", "FIELDS: apiVersion <string>"),
        ("spec.base", "FIELD: base <Object> -required-"),
        ("spec.tasks", "FIELD: tasks <[]Object>"),
        ("spec.tasks[0].gate", "min <number> -required- Least value that passes, 0 to 1."),
        (
            "spec.embeddings.init",
            "One of random, normal, overlap, mean, focus, aligned. Default: overlap.",
        ),
        ("spec.embeddings.maskProbability", "Above 0, below 1. Default: 0.15."),
        ("spec.pools.small.nodeSelector", "FIELD: nodeSelector <map[string]string>"),
        ("status.evaluation", "majority <number>"),
    ],
)
def test_what_is_printed(path: str, words: str):
    assert words in " ".join(" ".join(explain_lines(path)).split())


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("spec.minni", "spec.mini"),
        ("mini", "spec.mini"),
        ("mini.newLayers", "spec.mini.newLayers"),
        ("spec.embeddings.batchtokens", "spec.embeddings.batchTokens"),
        ("spec.embeddings.batch_tokens", "spec.embeddings.batchTokens"),
        ("Spec.Tasks", "spec.tasks"),
        ("jointLayer", "spec.base.pretrain.jointLayers"),
    ],
)
def test_a_typo_is_led_to_what_was_meant(typo: str, meant: str):
    with pytest.raises(UserError, match="no such field") as caught:
        find(typo)
    assert caught.value.message.endswith(f"did you mean {meant}?")


def test_what_resembles_nothing_is_led_to_the_list():
    with pytest.raises(UserError, match="lingraft explain lists them"):
        find("qqqqqq")
