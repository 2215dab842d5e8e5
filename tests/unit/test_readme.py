"""The README: an example that plans with the defaults; commands that exist, the quick one first."""

import re
from pathlib import Path

import yaml

from lingraft.plan import plan, readings
from lingraft.resource import LanguageAdaptation
from tests.support.specs import ROBERTA_BASE, pinned

ROOT = Path(__file__).parents[2]
README, MAKEFILE = (ROOT / "README.md").read_text(), (ROOT / "Makefile").read_text()


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


def test_the_first_command_is_the_quick_one():
    tried = README.split("## Try it")[1].split("\n## ")[0]
    block = re.findall(r"```\n(.*?)```", tried, re.DOTALL)[0]
    assert re.findall(r"^make (\S+)", block, re.MULTILINE) == ["demo-quick", "test"]


def test_every_target_that_it_names_is_there():
    targets = re.findall(r"^([a-z0-9-]+):", MAKEFILE, re.MULTILINE)
    named = re.findall(r"(?:`|^)make ([a-z0-9-]+)", README, re.MULTILINE)
    assert named and set(named) <= set(targets)
