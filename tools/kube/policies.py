"""kube-router, which enforces NetworkPolicies on real nodes.

python tools/kube/policies.py
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tools.kube.program import Program

PROGRAM = Program(
    "kube-router",
    Path(__file__).with_name("kube-router"),
    "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router",
    "tools/kube/policies.py",
)

if __name__ == "__main__":
    sys.exit(PROGRAM.build())
