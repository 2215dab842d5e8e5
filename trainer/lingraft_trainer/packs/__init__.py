"""Language packs in use: written by `graft`, put into a base or its task models, taken out."""
