"""Step 2 of the three methods, in plain transformers and torch: what `embed` must equal.

    python bench/reference.py BASE CORPUS --method MiniJoint --layers 3 --steps 50

BASE is a Hugging Face checkpoint (for MiniJoint with `middle_head.safetensors`; for MiniPost
the trained mini-model of k+n layers), CORPUS a `corpus` artifact. Prints one loss a line.
Nothing of this project is imported: the logits are whole, the loss is transformers' own.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn
from transformers import AutoModelForMaskedLM, AutoTokenizer

ROLES = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


def load_model(base: Path, method: str, layers: int | None):
    """Standard: the full model. MiniJoint: its bottom layers and middle head. MiniPost: as is."""
    if method != "MiniJoint":
        return AutoModelForMaskedLM.from_pretrained(base)
    model = AutoModelForMaskedLM.from_pretrained(base, num_hidden_layers=layers)
    model.load_state_dict(load_file(base / "middle_head.safetensors"), strict=False)
    return model


def swap_embeddings(model, source, target, seed: int) -> list[nn.Parameter]:
    """New random rows with the old rows' mean and deviation; special tokens keep theirs."""
    old = model.get_input_embeddings().weight.detach()
    new = torch.randn(
        len(target), old.shape[1], generator=torch.Generator().manual_seed(seed)
    ) * old.std(dim=0) + old.mean(dim=0)
    for role in ROLES:
        if getattr(source, role) is not None and getattr(target, role) is not None:
            new[getattr(target, f"{role}_id")] = old[getattr(source, f"{role}_id")]
    model.requires_grad_(False)
    model.resize_token_embeddings(len(target), mean_resizing=False)
    weight = model.get_input_embeddings().weight
    weight.data.copy_(new)
    bias = model.get_output_embeddings().bias
    bias.data.zero_()
    return [weight.requires_grad_(True), bias.requires_grad_(True)]


def batches(corpus: Path, args, first_position: int):
    """Global batches in the order and with the masks that (seed, step) determine."""
    packed = json.loads((corpus / "train/packed.json").read_text())
    tokens = np.concatenate([np.load(f) for f in sorted(corpus.glob("train/tokens-*.npy"))])
    segments = np.concatenate([np.load(f) for f in sorted(corpus.glob("train/segments-*.npy"))])
    n, vocabulary = len(tokens), packed["vocabSize"]
    for step in range(args.steps):
        at = np.arange(step * args.batch_rows, (step + 1) * args.batch_rows)
        orders = {e: np.random.default_rng([args.seed, 1, e]).permutation(n) for e in set(at // n)}
        rows = np.array([orders[i // n][i % n] for i in at])
        ids, piece = tokens[rows].astype(np.int64), segments[rows]
        rng = np.random.default_rng([args.seed, 2, step])
        chosen = rng.random(ids.shape) < args.mask_probability
        chosen &= (piece > 0) & ~np.isin(ids, packed["specialIds"])
        kind, noise = rng.random(ids.shape), rng.integers(0, vocabulary, ids.shape)
        inputs = np.where(chosen & (kind < 0.8), packed["maskId"], ids)
        inputs = np.where(chosen & (kind >= 0.8) & (kind < 0.9), noise, inputs)
        positions = np.zeros_like(ids)
        for row in range(len(ids)):
            for number in set(piece[row]):
                where = piece[row] == number
                positions[row, where] = np.arange(where.sum()) + first_position
        positions[piece == 0] = max(0, first_position - 1)
        yield {
            "input_ids": torch.from_numpy(inputs),
            "position_ids": torch.from_numpy(positions),
            "attention_mask": torch.from_numpy(piece[:, None, :, None] == piece[:, None, None, :]),
            "labels": torch.from_numpy(np.where(chosen, ids, -100)),
        }


def train(model, parameters: list[nn.Parameter], data, args):
    """AdamW as in RoBERTa, linear warm-up and decay, clipping at 1; yields the losses."""
    weight, bias = parameters
    optimizer = torch.optim.AdamW(
        [{"params": [weight]}, {"params": [bias], "weight_decay": 0.0}],
        betas=(0.9, 0.98),
        eps=1e-6,
        weight_decay=args.weight_decay,
    )
    for step, batch in enumerate(data):
        warm = (step + 1) / max(1, args.warmup_steps)
        rest = (args.steps - step) / max(1, args.steps - args.warmup_steps)
        for group in optimizer.param_groups:
            group["lr"] = args.learning_rate * (warm if step < args.warmup_steps else rest)
        loss = model(**batch).loss
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        yield float(loss.detach())


def main() -> None:
    """Print the losses of step 2."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("base", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--source", type=Path, help="base tokenizer; default: BASE")
    parser.add_argument("--method", choices=["Standard", "MiniJoint", "MiniPost"], required=True)
    parser.add_argument("--layers", type=int, help="MiniJoint: layers below the middle head")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--batch-rows", type=int, default=8)
    parser.add_argument("--mask-probability", type=float, default=0.15)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--warmup-steps", type=int, default=4)
    parser.add_argument("--weight-decay", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    model = load_model(args.base, args.method, args.layers).eval()
    source = AutoTokenizer.from_pretrained(args.source or args.base)
    target = AutoTokenizer.from_pretrained(args.corpus / "tokenizer")
    parameters = swap_embeddings(model, source, target, args.seed)
    first = 0 if model.config.model_type == "bert" else model.config.pad_token_id + 1
    for loss in train(model, parameters, batches(args.corpus, args, first), args):
        print(f"{loss:.7f}")


if __name__ == "__main__":
    main()
