"""Settings of every test: nothing is fetched, nothing is reported home."""

import os

from hypothesis import settings

# An example's first run loads libraries, on a machine that may be busy.
settings.register_profile("lingraft", parent=settings.default, deadline=None)
settings.load_profile("lingraft")
# Set before any test module imports these libraries: they read them once.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
# Tiny tensors: a second thread only waits for the first, and costs most on a busy machine.
os.environ["OMP_NUM_THREADS"] = "1"
