"""Prometheus' own evaluation of alerting rules, as one program.

python tools/alerts/build.py
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tools.kube.program import Program

PROGRAM = Program("alerts", Path(__file__).with_name("program"), ".", "tools/alerts/build.py")

if __name__ == "__main__":
    sys.exit(PROGRAM.build())
