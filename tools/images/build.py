"""The Dockerfile's images as archives, built by buildah where there is no Docker.

    python tools/images/build.py [IMAGE...]      operator and trainer unless named

An archive, as `ctr images import` and `docker load` take it, lies in
`${XDG_CACHE_HOME:-~/.cache}/lingraft/images/<image>-<digest>/image.tar` and holds
`docker.io/lingraft/<image>:<version>`. The digest is of all that goes into it, so that a change is
built anew, from the layers that it does not touch, and what is unchanged is found again at once:
files, the machine's architecture, and which torch the trainer gets.
Only the standard library is used, and only `build` needs a network: tests call `find`. The folder
may be deleted at any time.

No image registry is needed: the base is a stand-in that base.sh makes. The trainer gets a CPU build
of torch where a folder in PIP_FIND_LINKS or UV_FIND_LINKS has one, else PyPI's, which is for CUDA.
"""

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
BASE_RECIPE = HERE / "base.sh"
IMAGES = {
    "operator": ("lingraft", "operator/lingraft_operator"),
    "trainer": ("lingraft", "trainer/lingraft_trainer"),
}
"""What each image has of our packages."""
RECIPE = ("Dockerfile", ".dockerignore", "constraints.txt", "pyproject.toml")
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
KEPT = 4
"""Archives of an image that stay, those built or asked for last: trainers are large."""


class Missing(Exception):
    """An image is not there, or cannot be made; says what to do."""


def version() -> str:
    """The tag of the images."""
    text = (ROOT / "lingraft" / "__init__.py").read_text()
    (found,) = re.findall(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    return found


def tag(name: str) -> str:
    """An image's full name, as Kubernetes resolves `lingraft/<name>:<version>`."""
    return f"docker.io/lingraft/{name}:{version()}"


def _cache() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "lingraft" / "images"


def _digest(*files: Path, variant: str = "") -> str:
    digest = hashlib.sha256(variant.encode())
    for path in files:
        digest.update(f"\0{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _place(name: str) -> Path:
    """Where the image belongs; says nothing about whether it is there."""
    files = [ROOT / file for file in RECIPE]
    files += (path for path in HERE.iterdir() if path.is_file())
    for package in IMAGES[name]:
        files += (path for path in (ROOT / package).rglob("*") if path.is_file())
    shipped = (path for path in files if "__pycache__" not in path.parts)
    torch = "" if name != "trainer" else "cpu" if _wheels() else "cuda"
    return _cache() / f"{name}-{_digest(*sorted(shipped), variant=platform.machine() + torch)}"


def find(name: str) -> Path:
    """The archive of an image that was built before.

    Raises:
        Missing: It was not.
    """
    archive = _place(name) / "image.tar"
    if not archive.is_file():
        raise Missing(f"{name} is not built: run `python tools/images/build.py {name}`")
    return archive


def build(name: str) -> Path:
    """The archive of an image, built now if need be; two that want the same build it once.

    Raises:
        Missing: It could not be built.
    """
    place = _place(name)
    if place.is_dir():
        os.utime(place)
        return place / "image.tar"
    place.parent.mkdir(parents=True, exist_ok=True)
    with (place.parent / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.is_dir():
            print(f"building {name}: minutes, if it is the first", file=sys.stderr, flush=True)
            scratch = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{name}-"))
            try:
                _build(name, scratch / "image.tar")
                scratch.chmod(0o755)
                scratch.rename(place)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
        _forget(name)
    return place / "image.tar"


def _forget(name: str) -> None:
    places = sorted(_cache().glob(f"{name}-*"), key=lambda place: place.stat().st_mtime)
    for place in places[:-KEPT]:
        shutil.rmtree(place)


def _build(name: str, archive: Path) -> None:
    for program in ("buildah", "mmdebstrap"):
        if not shutil.which(program):
            raise Missing(f"{program} is not installed: run tools/images/prerequisites.sh")
    arguments = {"BASE": _base(), "VERSION": version()}
    certificates = Path(os.environ.get("SSL_CERT_FILE", CERTIFICATES))
    volumes = {str(certificates): CERTIFICATES} if certificates.is_file() else {}
    if name == "trainer" and (folder := _wheels()):
        arguments |= {"TORCH": "cpu", "FIND_LINKS": "/mnt"}
        volumes[str(folder)] = "/mnt"
    options = [f"--build-arg={key}={value}" for key, value in arguments.items()]
    options += (f"--volume={here}:{there}:ro" for here, there in volumes.items())
    # Neither a container runtime nor a network of its own: it may run in a container itself.
    options += ["--isolation=chroot", "--network=host", "--layers", "--quiet"]
    _buildah("bud", *options, f"--target={name}", f"--tag={tag(name)}", str(ROOT))
    _buildah("push", "--quiet", tag(name), f"docker-archive:{archive}:{tag(name)}")
    # What no image of now is built upon; the rest makes the next build quick.
    _buildah("rm", "--all", output=True)  # of builds that were interrupted
    _buildah("rmi", "--prune", output=True)


def _base() -> str:
    """The name of the stand-in for python:3.11-slim, in buildah's storage now."""
    name = f"localhost/base:{_digest(BASE_RECIPE)}"
    if name not in _buildah("images", "--format={{.Name}}:{{.Tag}}", output=True).split():
        with tempfile.TemporaryDirectory(dir=_cache(), prefix=".base-") as scratch:
            archive = Path(scratch) / "base.tar"
            if subprocess.run([BASE_RECIPE, archive]).returncode:
                raise Missing("the base could not be made (see above)")
            (Path(scratch) / "Dockerfile").write_text("FROM scratch\nADD base.tar /\n")
            _buildah("bud", "--isolation=chroot", "--quiet", f"--tag={name}", scratch)
    return name


def _wheels() -> Path | None:
    """A folder with the CPU build of torch for the image's Python."""
    folders = os.environ.get("UV_FIND_LINKS", "").split(",")
    folders += os.environ.get("PIP_FIND_LINKS", "").split()
    for folder in filter(None, folders):
        if any(Path(folder).glob(f"torch-*+cpu-cp311-*_{platform.machine()}.whl")):
            return Path(folder).resolve()
    return None


def _buildah(*arguments: str, output: bool = False) -> str:
    """Run buildah on a storage of ours: the user's own images are left alone."""
    storage = ["--root", str(_cache() / "storage"), "--runroot", str(_cache() / "run")]
    done = subprocess.run(
        ["buildah", *storage, *arguments],
        stdout=subprocess.PIPE if output else sys.stderr,
        text=True,
    )
    if done.returncode:
        raise Missing(f"`buildah {arguments[0]}` failed (see above)")
    return done.stdout or ""


def main(names: list[str]) -> int:
    """Build what is named and print where it is."""
    for name in names or IMAGES:
        if name not in IMAGES:
            print(f"there is no image {name!r}, only {', '.join(IMAGES)}", file=sys.stderr)
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
