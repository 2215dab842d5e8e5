"""The trainer: runs one stage, or a whole plan on this machine, with torch and Ray."""

import os

# Before torch loads OpenMP: its threads must sleep while they wait. By default they spin, and
# where another process has one of their cores a small model runs six times slower for it.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
