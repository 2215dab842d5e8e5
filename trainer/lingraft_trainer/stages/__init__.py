"""The six stages: one function each, to be read from top to bottom."""
