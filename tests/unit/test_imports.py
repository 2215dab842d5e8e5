import operator
import sysconfig
from importlib import import_module
from pathlib import Path

import pytest


def test_the_operator_folder_does_not_hide_the_standard_library() -> None:
    assert Path(operator.__file__).is_relative_to(sysconfig.get_path("stdlib"))


@pytest.mark.parametrize("name", ["lingraft", "lingraft_operator", "lingraft_trainer"])
def test_the_packages_are_at_the_top_level(name: str) -> None:
    package = import_module(name)
    assert package.__file__ is not None
    assert Path(package.__file__).with_name("py.typed").is_file()
