"""What a person (or a script) sees while a plan runs, and when it has run."""
