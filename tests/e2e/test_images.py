"""The images that the Dockerfile built, each looked into and run under a read-only root."""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lingraft
from tests.support.images import Image, run, unpack
from tools.images import build

ROOT = Path(__file__).parents[2]
TOOLS = ("cc", "gcc", "g++", "c++", "clang", "make", "ld", "as", "cargo", "go", "pip", "pip3", "uv")
OUR_PACKAGES = {"operator": "lingraft_operator", "trainer": "lingraft_trainer"}


def unpacked(name: str) -> Iterator[Image]:
    """An image as it was built; skips where it was not or cannot be run, and fails so in CI."""
    try:
        archive = build.find(name)
        if not shutil.which("runc") or os.geteuid() != 0:
            raise build.Missing("runc, and root to run it, are needed")
    except build.Missing as missing:
        if os.environ.get("CI") == "true":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
    with tempfile.TemporaryDirectory() as folder:
        yield unpack(archive, Path(folder))


@pytest.fixture(scope="module")
def operator() -> Iterator[Image]:
    yield from unpacked("operator")


@pytest.fixture(scope="module")
def trainer() -> Iterator[Image]:
    yield from unpacked("trainer")


@pytest.fixture(params=["operator", "trainer"])
def image(request: pytest.FixtureRequest) -> tuple[str, Image]:
    """Each with its name."""
    return request.param, request.getfixturevalue(request.param)


def pins() -> dict[str, set[str]]:
    """What constraints.txt names; some have two versions, for other Pythons."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(
        r"^([\w.-]+)==([^ ;]+)", (ROOT / "constraints.txt").read_text(), re.MULTILINE
    ):
        found.setdefault(name, set()).add(version)
    return found


def bill(image: Image) -> list[dict[str, Any]]:
    """The components of its SBOM."""
    text = image.inside("/usr/share/doc/lingraft/sbom.json").read_text()
    assert json.loads(text)["bomFormat"] == "CycloneDX"
    return json.loads(text)["components"]


def test_what_it_says_of_itself(image: tuple[str, Image]) -> None:
    name, built = image
    assert built.names == [f"docker.io/lingraft/{name}:{lingraft.__version__}"]
    labels = built.config["Labels"]
    assert labels["org.opencontainers.image.title"] == f"lingraft {name}"
    assert labels["org.opencontainers.image.version"] == lingraft.__version__
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert built.config["User"] == {"operator": "65532:65532", "trainer": "1000:1000"}[name]
    assert built.config["Entrypoint"] == ["python", "-m", OUR_PACKAGES[name]]
    assert "Healthcheck" not in built.config


def test_the_operator_is_small(operator: Image) -> None:
    assert operator.size < 250e6, f"{operator.size / 1e6:.0f} MB"


def test_it_has_our_sources_of_its_side_alone(image: tuple[str, Image]) -> None:
    name, built = image
    packages = {path.name: path for path in built.packages.glob("lingraft*")}
    assert set(packages) == {"lingraft", OUR_PACKAGES[name]}
    for package, here in (("lingraft", ROOT), (OUR_PACKAGES[name], ROOT / name)):
        ours = {
            path.relative_to(here): path.read_bytes() for path in (here / package).rglob("*.py")
        }
        theirs = {
            path.relative_to(built.packages): path.read_bytes()
            for path in packages[package].rglob("*.py")
        }
        assert theirs == ours


def test_neither_has_what_the_other_side_needs(operator: Image, trainer: Image) -> None:
    for name in ("torch", "ray", "transformers", "numpy"):
        assert not (operator.packages / name).exists() and (trainer.packages / name).exists()
    for name in ("kopf", "kubernetes"):
        assert not (trainer.packages / name).exists() and (operator.packages / name).exists()


def test_nothing_that_builds_is_left(image: tuple[str, Image]) -> None:
    _, built = image
    folders = ("/usr/bin", "/usr/local/bin", "/opt/lingraft/bin")
    paths = [built.inside(f"{folder}/{tool}") for folder in folders for tool in TOOLS]
    paths += [*built.root.glob("**/site-packages/pip"), *built.root.glob("**/dist-packages/pip")]
    assert [path for path in paths if path.exists()] == []
    caches = [built.inside("/root") / ".cache"]
    caches += map(built.inside, ("/tmp", "/var/lib/apt/lists", "/var/cache/apt/archives"))
    for folder in caches:
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert [path for path in files if path.stat().st_size] == []  # apt's locks are empty
    assert built.inside("/mnt").is_dir() and not any(built.inside("/mnt").iterdir())


def test_what_is_installed_is_pinned_and_in_the_bill(image: tuple[str, Image]) -> None:
    _, built = image
    listed = {
        (re.sub(r"[-_.]+", "-", one["name"]).lower(), one["version"].partition("+")[0])
        for one in bill(built)
        if one["purl"].startswith("pkg:pypi/")
    }
    assert len(listed) == len([*built.packages.glob("*.dist-info")])
    pinned = pins()
    assert {(name, one) for name, one in listed if one not in pinned.get(name, ())} == set()
    system = {one["name"] for one in bill(built) if one["purl"].startswith("pkg:deb/")}
    assert {"libc6", "libssl3"} <= system


def test_the_operators_bill_has_kopf(operator: Image) -> None:
    (version,) = pins()["kopf"]
    assert f"pkg:pypi/kopf@{version}" in {one["purl"] for one in bill(operator)}


def test_all_bytecode_is_there(image: tuple[str, Image]) -> None:
    name, built = image
    main = built.packages / OUR_PACKAGES[name]
    assert all(
        (path.parent / "__pycache__" / f"{path.stem}.cpython-311.pyc").exists()
        for path in main.rglob("*.py")
    )


def test_the_operator_without_its_settings_ends_with_a_sentence(operator: Image) -> None:
    done = run(operator)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: /etc/lingraft/config.yaml: ")


def test_the_operator_reaches_for_s3_and_kubernetes(operator: Image) -> None:
    script = """if True:
        import boto3, lingraft_operator.main
        for service in ("s3", "sts"):
            boto3.client(service, region_name="eu-central-1")
        open("/tmp/it", "w").close()
        try:
            open("/usr/it", "w")
        except OSError as error:
            print(error.strerror)
        """
    done = run(operator, ["python", "-c", script])
    assert (done.returncode, done.stdout) == (0, "Read-only file system\n"), done.stderr


def test_the_trainer_says_how_it_is_used(trainer: Image) -> None:
    done = run(trainer)
    assert done.returncode == 2 and "run one stage" in done.stderr, done.stderr


@pytest.mark.parametrize("shell", ["-c", "-lc"])
def test_the_trainer_has_ray_in_the_shells_of_kuberay(trainer: Image, shell: str) -> None:
    (version,) = pins()["ray"]
    done = run(trainer, ["/bin/bash", shell, "--", "ulimit -n 65536; ray --version; id -u"])
    assert done.stdout == f"ray, version {version}\n1000\n", done.stderr


def test_the_trainer_computes(trainer: Image) -> None:
    script = """if True:
        import importlib.util
        import torch, lingraft_trainer.running.runner
        print(importlib.util.find_spec("lingraft_operator"), torch.ones(2, 2).sum().item())
        """
    done = run(trainer, ["python", "-c", script])
    assert (done.returncode, done.stdout) == (0, "None 4.0\n"), done.stderr


def test_ray_starts_in_the_trainer(trainer: Image) -> None:
    script = """if True:
        import ray
        ray.init(num_cpus=1, include_dashboard=False, logging_level="ERROR")
        @ray.remote
        def user():
            import os
            return os.getuid()
        print(ray.get(user.remote()))
        """
    done = run(trainer, ["python", "-c", script])
    assert (done.returncode, done.stdout.splitlines()[-1:]) == (0, ["1000"]), done.stderr
