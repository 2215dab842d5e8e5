"""A simulated world around the operator's real code: nothing sleeps, nothing is real but ours."""
