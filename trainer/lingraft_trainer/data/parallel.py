"""One function over many files at once, its results in the files' order: Ray Data, kept small."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import ray
import ray.data

from lingraft.errors import LingraftError


def ordered(
    function: Callable[[Any], Iterable[pa.Table]], items: Sequence[Any]
) -> Iterator[pa.Table]:
    """The tables of `function(item)` for all items, computed in parallel, streamed in order.

    The tasks run on this node, whose files they read. Ray must be running.

    Raises:
        LingraftError: As raised inside a task.
    """
    _quiet()

    def of_batch(batch: Any) -> Iterator[pa.Table]:
        for number in batch["id"]:
            yield from function(items[int(number)])

    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    dataset = ray.data.range(len(items), override_num_blocks=len(items)).map_batches(
        of_batch, batch_size=1, zero_copy_batch=True, label_selector=_here()
    )
    try:
        yield from dataset.iter_batches(batch_size=None, batch_format="pyarrow")
    except Exception as error:
        raise (_cause(error) or error) from None


def _here() -> dict[str, str] | None:
    """The label of this node; none where it has no CPU to run a task on."""
    node = ray.get_runtime_context().get_node_id()
    cpus = {n["NodeID"]: n["Resources"].get("CPU", 0) for n in ray.nodes()}
    return {"ray.io/node-id": node} if cpus.get(node) else None


def _cause(error: BaseException | None) -> LingraftError | None:
    """Our own error inside Ray's wrappers."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        inner = getattr(error, "cause", None)
        for found in (inner, error):
            if isinstance(found, LingraftError):
                return type(found)(found.message, where=found.where)
        error = inner or error.__cause__ or error.__context__
    return None


def _quiet() -> None:
    for name in ("ray.data", "ray.data._internal"):
        logging.getLogger(name).setLevel(logging.ERROR)
