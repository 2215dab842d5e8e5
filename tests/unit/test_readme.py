"""The README's example: a resource that is valid, and that plans with the defaults."""

import re
from pathlib import Path

import yaml

from lingraft.plan import plan, readings
from lingraft.resource import LanguageAdaptation
from tests.support.specs import ROBERTA_BASE, pinned

README = (Path(__file__).parents[2] / "README.md").read_text()


def test_the_example_plans():
    (text,) = re.findall(r"```yaml\n(apiVersion.*?)```", README, re.DOTALL)
    resource = LanguageAdaptation.model_validate(yaml.safe_load(text), by_alias=True, by_name=False)
    sizes = {"s3://corpora/sw/": 200_000_000, "s3://corpora/en/": 2_000_000_000}
    sources = {
        one: pinned(*one, size=sizes.get(one.uri, 10_000)) for one in readings(resource.spec)
    }
    found = plan(resource.spec, sources, ROBERTA_BASE)
    assert found.warnings == ()
    assert [one.name for one in found.stages][-2:] == ["finetune-xnli-0", "graft"]
