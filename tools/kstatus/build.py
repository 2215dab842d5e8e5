"""The real kstatus and Flux's evaluator, as one program.

python tools/kstatus/build.py
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tools.kube.program import Program

PROGRAM = Program("kstatus", Path(__file__).with_name("program"), ".", "tools/kstatus/build.py")

if __name__ == "__main__":
    sys.exit(PROGRAM.build())
