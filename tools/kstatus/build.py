"""The real kstatus and Flux's evaluator, built once in the way of `tools/kube/build.py`.

python tools/kstatus/build.py
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tools.kube import build as kube

HERE = Path(__file__).parent


def _make(folder: Path) -> None:
    target = str(folder / "kstatus")
    kube._go(HERE, "build", "-ldflags", "-s -w", "-o", target, ".")


PART = kube.Part("kstatus", _make, ("kstatus",), str(HERE))
kube.PARTS[PART.name] = PART


def program() -> Path:
    """The program, if it was built.

    Raises:
        Missing: It was not; the message says how.
    """
    try:
        return kube.find(PART.name) / "kstatus"
    except kube.Missing as error:
        raise kube.Missing(
            str(error).replace("tools/kube/build.py kstatus", "tools/kstatus/build.py")
        ) from error


if __name__ == "__main__":
    sys.exit(kube.main([PART.name]))
