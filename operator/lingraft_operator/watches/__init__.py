"""What the watches tell: handlers, the cache they fill, the queue of what needs a look."""
