"""Where it runs: cores, device, Ray, and the notice that a node goes away."""
