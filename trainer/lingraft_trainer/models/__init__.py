"""Model families and what is done to their models: load, truncate, graft."""
