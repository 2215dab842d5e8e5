"""What to do about a resource and its stages: pure functions of what was observed."""
