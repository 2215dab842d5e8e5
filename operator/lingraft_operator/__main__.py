"""`python -m lingraft_operator`."""

import sys

from lingraft_operator.main import main

sys.exit(main())
