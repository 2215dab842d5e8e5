"""kube-router, which enforces NetworkPolicies on real nodes: built once in the way of build.py.

python tools/kube/policies.py
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tools.kube import build as kube

MAIN = "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router"


def _make(folder: Path) -> None:
    target = str(folder / "kube-router")
    kube._go(kube.HERE / PART.name, "build", "-ldflags", "-s -w", "-o", target, MAIN)


# Not named in build.py: a change there has every part built anew.
PART = kube.Part("kube-router", _make, ("kube-router",), "kube-router")
kube.PARTS[PART.name] = PART


def program() -> Path:
    """The program, if it was built.

    Raises:
        Missing: It was not; the message says how.
    """
    try:
        return kube.find(PART.name) / "kube-router"
    except kube.Missing as error:
        raise kube.Missing(
            str(error).replace("tools/kube/build.py kube-router", "tools/kube/policies.py")
        ) from error


if __name__ == "__main__":
    sys.exit(kube.main([PART.name]))
