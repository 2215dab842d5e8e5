"""Models of the Hugging Face Hub by name: in its local cache or in a mirror, never fetched."""
