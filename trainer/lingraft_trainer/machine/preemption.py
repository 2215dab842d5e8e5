"""Ray's notice that a node is about to be taken away."""


def nodes_leaving() -> frozenset[str]:
    """The nodes of this run's workers that Ray drains, as Ray Train told this worker.

    Ray Train tells every worker. Its own `get_preemption_info` hands on what rank 0 was told, and
    makes all workers wait for each other at every call. Only rank 0 writes checkpoints, and
    asks at every update, so it looks for itself.
    """
    from ray.train.v2._internal.execution.context import get_train_context

    told = get_train_context().preemption_context.preemption_info
    return frozenset() if told is None else frozenset(told.preempted_node_ids)
