"""Commands beside the main ones: what becomes of what was trained."""
