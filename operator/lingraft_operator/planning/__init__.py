"""From the spec of a resource to its pinned plan, or to why there is none."""
