"""What lies in a store: by stage and language, what it costs, and what nothing reaches any more."""
