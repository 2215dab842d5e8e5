"""Step 2 against transformers' `Trainer`: one model, one text, one batch, in turn.

    python -m bench.trainer [--quick]            (make bench)

Four contenders, each in a process of its own: `Trainer` with the body frozen, the usual script,
and this project's `embed` loop; each through all layers (Standard) and through the bottom third
(a mini-model). They take turns, update by update, so that the machine's noise falls on all
alike; medians are compared. Ratios are what to quote: the times belong to the machine.

Without a GPU in fp32, unless `--precision bf16` is asked for: ours alone then, for `Trainer` in
fp32 is the measure there. On a GPU both are in bf16 and take micro-batches of 16,384 tokens; the
case there is RoBERTa-base, rows of 512 and 131,072 tokens an update, an eighth of the paper's.
A causal base: `--family llama --hidden 576 --length 128`.
"""

import argparse
from itertools import product
from typing import Any

import torch

from bench.trainer import results
from bench.trainer.case import Case
from bench.trainer.machine import DTYPES, matmul_gflops
from bench.trainer.report import table
from bench.trainer.rounds import SIDES, measure
from lingraft.families import FAMILIES

GPU = torch.cuda.is_available()


def main() -> None:
    """Measure the cases that were asked for, write them down, print the ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--hidden", type=int, nargs="+", default=[768] if GPU else [256, 768])
    parser.add_argument("--length", type=int, nargs="+", default=[512] if GPU else [128, 512])
    parser.add_argument("--vocabulary", type=int, default=50_000 if GPU else 32_000)
    parser.add_argument("--batch-tokens", type=int, default=131_072 if GPU else 2048)
    parser.add_argument("--family", nargs="+", choices=list(FAMILIES), default=["roberta"])
    parser.add_argument("--pieces", type=int, default=1, help="documents of a row")
    parser.add_argument("--precision", choices=DTYPES, default="bf16" if GPU else "fp32")
    parser.add_argument("--rounds", type=int, default=3, help="updates that are counted")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--quick", action="store_true", help="hidden 256, length 128 only")
    args = parser.parse_args()
    if args.quick:
        args.hidden, args.length = [256], [128]
    write = results.begin("trainer")
    cases: list[dict[str, Any]] = []
    for family, hidden, length in product(args.family, args.hidden, args.length):
        case = Case(
            hidden=hidden,
            length=length,
            vocabulary=args.vocabulary,
            batch_tokens=args.batch_tokens,
            precision=args.precision,
            pieces=args.pieces,
            family=family,
        )
        peaks = {side: matmul_gflops(case, args.threads, case.precision_of(side)) for side in SIDES}
        result = measure(case, rounds=args.rounds, threads=args.threads)
        cases.append({"case": case.to_json(), "peakGflops": peaks, "sides": result})
        print(table(case, peaks, result), flush=True)
        print(f"written: {write({'threads': args.threads, 'cases': cases})}", flush=True)


if __name__ == "__main__":
    main()
