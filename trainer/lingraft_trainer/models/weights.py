"""The tensors of a checkpoint themselves: their type, and that they are numbers."""

import json
import re
from collections.abc import Iterable, Mapping
from functools import reduce
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from lingraft.errors import UserError
from lingraft.selection import WEIGHTS, WEIGHTS_INDEX

FIELD = "spec.base.uri"
_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
}
_WHOLE_NUMBERS = ("BOOL", "I64", "I32")
"""Of buffers, such as position ids."""
_UNFINISHED = {
    "holds adapters beside its weights": re.compile(
        r"(^|\.)(base_layer|original_module|modules_to_save|lora_[a-z_]+|adapters?)(\.|$)", re.I
    ),
    "is quantised": re.compile(
        r"(^|\.)(qweight|qzeros|g_idx|scales|SCB|(weight|input|output)_(scale|zero_point)(_inv)?"
        r"|weight_(packed|shape|format)|(weight\.)?(absmax|(nested_)?quant_(map|state)))(\.|$)"
    ),
}
"""Names of tensors without which the others are not the model's weights, wherever they stand."""


def dtype_of(path: Path) -> torch.dtype:
    """The type that holds a checkpoint's tensors as they are: the widest of them, or wider.

    Of one with norms in fp32 and the rest in bf16 it is fp32: nothing of it is rounded.

    Raises:
        UserError: No safetensors, unreadable ones, or quantised weights.
    """
    found: set[str] = set()
    for file in files_of(path):
        try:
            with safe_open(file, "pt") as opened:
                names = list(opened.keys())
                found.update(str(opened.get_slice(name).get_dtype()) for name in names)
        except (OSError, SafetensorError) as error:
            message = f"the checkpoint cannot be read: {file.name}: {error}"
            raise UserError(message, where=FIELD) from error
    if other := found - set(_DTYPES) - set(_WHOLE_NUMBERS):
        raise UserError(
            f"the checkpoint's weights are {', '.join(sorted(other))}, which is quantised: give "
            "the checkpoint that they were made from",
            where=FIELD,
        )
    kinds = [_DTYPES[kind] for kind in found if kind in _DTYPES]
    if not kinds:
        raise UserError("the checkpoint holds no weights: give a whole one", where=FIELD)
    return reduce(torch.promote_types, kinds)


def files_of(path: Path) -> list[Path]:
    """The safetensors of a checkpoint.

    Raises:
        UserError: There are none, or their index is unreadable.
    """
    if (path / WEIGHTS).is_file():
        return [path / WEIGHTS]
    index = path / WEIGHTS_INDEX
    if not index.is_file():
        raise UserError(
            "the checkpoint has no .safetensors weights (pickled ones are never read): convert it "
            "with save_pretrained(..., safe_serialization=True)",
            where=FIELD,
        )
    try:
        shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, AttributeError) as error:
        raise UserError(f"{WEIGHTS_INDEX} cannot be read: {error}", where=FIELD) from error
    return [path / shard for shard in sorted(shards)]


def check_finite(tensors: Mapping[str, Tensor], of_what: str, *, where: str) -> None:
    """Refuse tensors that hold NaN or infinities.

    Args:
        tensors: By name.
        of_what: Whose they are, for the sentence.
        where: The field at fault.

    Raises:
        UserError: Names the first of them.
    """
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and tensor.numel():
            low, high = torch.aminmax(tensor)  # NaN if one is: one pass, nothing allocated
            if not torch.isfinite(high - low):
                raise UserError(
                    f"{of_what} holds values in {name} that are no numbers (NaN or infinite): "
                    "give another copy of it",
                    where=where,
                )


def check_plain(left: Iterable[str], *, where: str) -> None:
    """Refuse a checkpoint with a tensor that others would have to be joined with.

    Args:
        left: Names of the tensors that the model has no place for.
        where: For the error.

    Raises:
        UserError: Names one.
    """
    for what, names in _UNFINISHED.items():
        if found := sorted(filter(names.search, left)):
            raise UserError(
                f"the checkpoint {what} ({found[0]}): give one of plain weights, with all merged "
                "into them",
                where=where,
            )
