"""What has to be there before the operator works, and how it waits for that."""
