"""Kinds of task: how examples become batches, and predictions become scores."""
