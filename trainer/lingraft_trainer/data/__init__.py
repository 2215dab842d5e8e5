"""Text and task data: reading, cleaning, packing."""
