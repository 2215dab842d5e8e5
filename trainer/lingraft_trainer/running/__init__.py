"""One attempt at a stage, from its lease to its manifest; and a whole plan on this machine."""
