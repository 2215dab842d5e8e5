"""The one training loop and its parts: batches, loss, schedule, precision, checkpoints."""
