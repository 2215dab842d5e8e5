"""RayJobs: their shape, who may start one, and the only writer of them."""
