"""Curves of a stage for people: TensorBoard's event files in the store, and MLflow where asked."""
