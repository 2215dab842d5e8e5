"""Many languages at once: rows of what is known of each, as a table, as CSV and as a page."""
