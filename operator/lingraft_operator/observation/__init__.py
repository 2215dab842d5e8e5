"""What is read of the world for one decision: pods, jobs, and what the store says of them."""
