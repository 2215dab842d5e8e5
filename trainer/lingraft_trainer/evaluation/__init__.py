"""What a grafted model is worth: on held-out text, and on tasks, beside its floors."""
