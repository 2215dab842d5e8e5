"""The trainer: runs one stage, or a whole plan on this machine, with torch and Ray."""
