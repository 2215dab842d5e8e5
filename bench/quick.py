"""Tokens per second of step 2 through the three models, side by side, on this machine.

    python bench/quick.py            (make bench-quick)

One 12-layer RoBERTa of random weights; its own body and head (Standard), its bottom 4 layers
(MiniJoint) and its bottom 4 + 2 (MiniPost) run the very objective of the `embed` stage in
turn, so that noise of the machine falls on all alike. The ratio of the rates stands beside
the ratio of the FLOPs by formula, which is the bound that overheads eat from.
"""

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForMaskedLM

from lingraft import compute
from lingraft.architecture import shape_of_config
from lingraft.params import MaskedLm
from lingraft_trainer.data.packing import PackedText, PackWriter
from lingraft_trainer.models.mini import truncate
from lingraft_trainer.models.registry import family_of
from lingraft_trainer.stages.embed import train_embeddings_only
from lingraft_trainer.training.mlm import MaskedLmObjective, MlmData
from lingraft_trainer.training.precision import Precision, autocast, choose

METHODS = {"Standard": 12, "MiniJoint": 4, "MiniPost": 6}
MASK_PROBABILITY = 0.15


class Run:
    """One method's step 2, ready to be stepped."""

    def __init__(self, full, depth: int, text: PackedText, args, precision: Precision) -> None:
        family = family_of("roberta")
        self.model = truncate(full, family, depth)
        train_embeddings_only(self.model, family.predictions(self.model).bias)
        self.objective = MaskedLmObjective(self.model, family).eval()
        params = MaskedLm(
            steps=1,
            batch_tokens=args.batch * args.length,
            sequence_length=args.length,
            mask_probability=MASK_PROBABILITY,
            learning_rate=1e-4,
            warmup_steps=0,
            weight_decay=0.01,
            dropout=0.0,
            seed=0,
        )
        self.data = MlmData(text, params, family, micro_batch_tokens=args.batch * args.length)
        trained = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(trained, lr=1e-4, fused=True)
        self.precision: Precision = precision
        self.seconds: list[float] = []

    def step(self, number: int) -> None:
        """One update, timed, data included."""
        start = time.perf_counter()
        part = self.data(number, 0, 1)
        for batch in part.micro_batches:
            with autocast(self.precision, torch.device("cpu")):
                loss = self.objective(batch)
            (loss / part.count).backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=False)
        self.seconds.append(time.perf_counter() - start)


def random_text(folder: Path, length: int, vocabulary: int) -> PackedText:
    """Rows full of random tokens: speed does not depend on what they say."""
    rng = np.random.default_rng(0)
    writer = PackWriter(
        folder,
        sequence_length=length,
        pad_id=1,
        mask_id=vocabulary - 1,
        special_ids=(0, 1, 2, 3, vocabulary - 1),
        vocab_size=vocabulary,
        prefix=[0],
        suffix=[2],
    )
    for _ in range(64):
        writer.add(rng.integers(4, vocabulary - 1, length - 2).tolist(), 4 * length)
    writer.close()
    return PackedText(folder)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--vocabulary", type=int, default=32_000)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--precision", choices=["auto", "fp32", "bf16"], default="auto")
    args = parser.parse_args()
    config = AutoConfig.for_model(
        "roberta",
        vocab_size=args.vocabulary,
        num_hidden_layers=12,
        hidden_size=args.hidden,
        num_attention_heads=args.hidden // 64,
        intermediate_size=4 * args.hidden,
        max_position_embeddings=args.length + 2,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    full = AutoModelForMaskedLM.from_config(config)
    shape = shape_of_config(config.to_dict(), where="bench")
    precision = choose(args.precision, torch.device("cpu"), args.hidden)
    with tempfile.TemporaryDirectory() as folder:
        text = random_text(Path(folder), args.length, args.vocabulary)
        runs = {m: Run(full, depth, text, args, precision) for m, depth in METHODS.items()}
        for step in range(args.steps + 2):
            for run in runs.values():  # in turn: the machine's noise falls on all alike
                run.step(step)
    tokens = args.batch * args.length
    cost = {
        m: compute.embed_step(
            shape,
            layers=depth,
            vocabulary=args.vocabulary,
            tokens=tokens,
            masked=tokens * MASK_PROBABILITY,
            sequence_length=args.length,
        )
        for m, depth in METHODS.items()
    }
    typical = {m: median(run.seconds[2:]) for m, run in runs.items()}
    print(
        f"step 2, 12 layers x {args.hidden}, vocabulary {args.vocabulary}, {args.batch} x "
        f"{args.length} tokens, {precision}, {torch.get_num_threads()} threads, "
        f"median of {args.steps} steps"
    )
    print(f"{'method':<10} {'layers':>6} {'tokens/s':>9} {'rate':>6} {'FLOPs':>6}")
    for m, depth in METHODS.items():
        rate, bound = typical["Standard"] / typical[m], cost["Standard"] / cost[m]
        print(f"{m:<10} {depth:>6} {tokens / typical[m]:>9.0f} {rate:>5.2f}x {bound:>5.2f}x")


if __name__ == "__main__":
    main()
