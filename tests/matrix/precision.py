"""Types of a checkpoint's weights, and of the products that a run computes with."""

from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from tests.matrix.files import Tensors, edit_json, edit_tensors

MIXED = "bfloat16, norms in float32"
DTYPES: dict[str, torch.dtype] = {
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
    "float64": torch.float64,
    MIXED: torch.bfloat16,
}
"""Of checkpoints: name to the type that most of their tensors have."""
WRITTEN = DTYPES | {MIXED: torch.float32}
"""Of what comes out: the type of the checkpoint, of a mixed one the type that holds all."""
PRODUCTS: dict[str, Literal["fp32", "bf16"]] = {"fp32 products": "fp32", "bf16 products": "bf16"}
"""What `lingraft run --precision` is given."""


def cast(folder: Path, precision: str) -> None:
    """Turn a checkpoint that was written in fp32 into one of another precision."""
    dtype = DTYPES[precision]

    def one(name: str, tensor: Tensor) -> Tensor:
        keeps = precision == MIXED and "norm" in name.lower()
        return tensor.to(dtype) if tensor.is_floating_point() and not keeps else tensor

    def all_of(tensors: Tensors) -> Tensors:
        return {name: one(name, tensor) for name, tensor in tensors.items()}

    edit_tensors(folder, all_of)
    edit_json(folder / "config.json", dtype=str(dtype).removeprefix("torch."))
