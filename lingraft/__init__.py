"""The contract that the operator and the trainer share: resource, plan, stages, store, CLI."""

__version__ = "0.1.0"
