"""Runs that are long enough to be disturbed."""

LONG = {"steps": 3000, "batchTokens": 256, "sequenceLength": 32, "learningRate": 1e-3}
"""Half a minute of `embed`."""
