"""What is measured of a text and a base before anything is spent."""
