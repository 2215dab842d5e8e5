"""Data parallel: every worker ends an update with the mean of all workers' gradients."""

from torch import Tensor, nn
from torch._C._distributed_c10d import GradBucket
from torch.distributed import ProcessGroup
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import bf16_compress_hook
from torch.futures import Future
from torch.nn.parallel import DistributedDataParallel

from lingraft_trainer.training.precision import Precision


def data_parallel(objective: nn.Module, precision: Precision) -> DistributedDataParallel:
    """The objective with gradients that are exchanged in the run's precision.

    A bf16 run's gradients are sums of bf16 products: sent as bf16 they take half the wire, and
    each hop of the ring rounds once more. Accumulation over micro-batches, Adam's moments and
    the parameters stay fp32. An fp32 run sends fp32, and learns what one worker would.

    Args:
        objective: On its device. Its parameters that train become the first worker's.
        precision: The run's, the same on all workers.
    """
    # Nobody changes what is frozen, and all have read it from the same files.
    frozen = [name for name, one in objective.named_parameters() if not one.requires_grad]
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(objective, frozen)
    # DDP's other settings made no difference that could be measured (docs/speed/parallel.md).
    model = DistributedDataParallel(objective)
    if precision == "bf16":
        model.register_comm_hook(None, _mean_in_bf16)
    return model


def _mean_in_bf16(group: ProcessGroup, bucket: GradBucket) -> Future[Tensor]:
    """What torch offers, under another name: by its own, DDP takes it with NCCL alone.

    gloo of the pinned torch sums bfloat16 just as well.
    """
    return bf16_compress_hook(group, bucket)
