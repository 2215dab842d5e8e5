"""Questions to a page, as JavaScript."""

OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
"""By how much it is wider than the screen."""
