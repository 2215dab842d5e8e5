"""What is said: conditions, results, events."""
