"""Folders to hand on: a pack or a whole model with its card, and whether it loads."""
