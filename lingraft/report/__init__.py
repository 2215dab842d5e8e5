"""What a run came to: rows for a terminal, and a page for people."""
