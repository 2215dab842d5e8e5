"""Other projects' CRDs, taken from their Go modules once: what our examples are held against.

    python tools/crds/build.py

They lie in `${XDG_CACHE_HOME:-~/.cache}/lingraft/kube/crds-<digest>/<name>/`. Nothing is built: Go
downloads the modules' sources, and their checksums are compared with those below.
"""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tools.kube import build as kube


@dataclass(frozen=True)
class Source:
    """A module with CRDs.

    Attributes:
        module: Its path and version.
        sum: Its checksum, as in go.sum.
        files: Which of its files, by patterns.
    """

    module: str
    sum: str
    files: tuple[str, ...]


SOURCES = {
    "prometheus": Source(
        "github.com/prometheus-operator/prometheus-operator@v0.85.0",
        "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=",
        tuple(
            f"example/prometheus-operator-crd/monitoring.coreos.com_{name}.yaml"
            for name in ("servicemonitors", "podmonitors", "prometheusrules")
        ),
    ),
    "kueue": Source(
        "sigs.k8s.io/kueue@v0.14.0",
        "h1:lDR34L42/k17opLfkZbZ+taymLaPpryj3ZBbvKqs/N4=",
        tuple(
            f"config/components/crd/bases/kueue.x-k8s.io_{name}.yaml"
            for name in ("clusterqueues", "localqueues", "resourceflavors")
        ),
    ),
    "argocd": Source(
        "github.com/argoproj/argo-cd/v3@v3.1.0",
        "h1:2+gPskQKCyPC9DzRSWQ1AvmS3WiIlRR7bKz/FO3DozI=",
        ("manifests/crds/application-crd.yaml",),
    ),
}
"""By the name of a folder. Flux's Kustomization is in no module that the proxy serves."""
KUBERAY = {
    "1.4": ("v1.4.2", "h1:A4tGzbIky8sInAUxZBdBb+rrpZ7fbqoxdsOtm559Zqg="),
    "1.5": ("v1.5.1", "h1:7FJYmB8oM+cnjv1VYCj/TfzRZG4XHvvt5Ayn5pZ5A1c="),
    "1.6": ("v1.6.2", "h1:XUckRswLMyk71D00L62d2Vanh0fVkNqu56+IF/rr+O0="),
}
"""Those that may be met in a cluster: version and checksum."""
SOURCES |= {
    f"kuberay-{name}": Source(
        f"{kube.KUBERAY}@{version}", checksum, ("config/crd/bases/ray.io_rayjobs.yaml",)
    )
    for name, (version, checksum) in KUBERAY.items()
}


def _make(folder: Path) -> None:
    for name, source in SOURCES.items():
        (folder / name).mkdir()
        module = _download(source)
        for file in source.files:
            (folder / name / Path(file).name).write_bytes((module / file).read_bytes())


def _download(source: Source) -> Path:
    command = ["go", "mod", "download", "-json", source.module]
    with tempfile.TemporaryDirectory() as outside:  # of any module, whose go.sum it would ask
        try:
            done = subprocess.run(command, cwd=outside, stdout=subprocess.PIPE, text=True)
        except FileNotFoundError as error:
            raise kube.Missing("Go is not installed: install Go 1.25 or newer") from error
    found = json.loads(done.stdout or "{}")
    if done.returncode:
        raise kube.Missing(f"{source.module}: {found.get('Error', 'see above')}")
    if found["Sum"] != source.sum:
        raise kube.Missing(f"{source.module}: its checksum is {found['Sum']}, not {source.sum}")
    return Path(found["Dir"])


PART = kube.Part("crds", _make, (), str(Path(__file__).parent))
kube.PARTS[PART.name] = PART


def folder() -> Path:
    """Where they lie, if they were fetched.

    Raises:
        Missing: They were not.
    """
    try:
        return kube.find(PART.name)
    except kube.Missing as error:
        raise kube.Missing("the CRDs are not there: run `python tools/crds/build.py`") from error


if __name__ == "__main__":
    sys.exit(kube.main([PART.name]))
