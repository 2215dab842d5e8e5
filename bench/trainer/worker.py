"""One contender in a process of its own: `python -m bench.trainer.worker SIDE LAYERS THREADS CASE`.

Both sides run their product code: ours the training loop under the stage `embed`, the other
transformers' `Trainer` with the collator and the arguments of its own examples. A process of
its own gives each side its own peak memory, and its own allocator.
"""

import json
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.trainer.case import SPECIAL, Case
from bench.trainer.watch import Watch
from lingraft.families import family_of
from lingraft.params import LmTraining
from lingraft.stage import Execution
from lingraft_trainer.data.packing import PackedText
from lingraft_trainer.stages.embed import train_embeddings_only

STEPS = 1_000_000
"""The parent ends a run long before."""
RATE, DECAY = 1e-4, 0.01


class Over(Exception):
    """The parent has seen enough."""


def ours(
    case: Case, layers: int, text: PackedText, watch: Watch, rank: int = 0, world: int = 1
) -> None:
    """The loop of the stage `embed`."""
    from lingraft_trainer.running.context import StageContext
    from lingraft_trainer.stages.common import lm_settings
    from lingraft_trainer.training.ahead import Ahead
    from lingraft_trainer.training.lm import lm_objective
    from lingraft_trainer.training.lm_data import LmData
    from lingraft_trainer.training.loop import fit

    family, model = family_of(case.family), case.model(layers)
    train_embeddings_only(model)
    params = LmTraining(
        steps=STEPS,
        batch_tokens=case.batch_tokens,
        sequence_length=case.length,
        mask_probability=case.mask_probability,
        learning_rate=RATE,
        warmup_steps=0,
        weight_decay=DECAY,
        dropout=0.0,
        seed=0,
    )
    execution = Execution(
        precision=case.precision,
        threads=watch.threads,
        micro_batch_tokens=case.micro_batch_tokens,
    )
    data = LmData(text, params, family, micro_batch_tokens=execution.micro_batch_tokens)
    objective = lm_objective(model, family)
    objective.forward = watch.wrap("forward", objective.forward)
    Ahead.__call__ = watch.wrap("data", Ahead.__call__)

    def next_turn(step: int) -> None:
        if not watch.gate():
            raise Over

    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        ctx = StageContext(
            params={},
            inputs={},
            out=scratch,
            scratch=scratch,
            execution=execution,
            threads=watch.threads,
            rank=rank,
            world=world,
            device=case.device,
        )
        next_turn(0)
        fit(
            ctx,
            objective,
            data,
            lm_settings(params, "spec.embeddings"),
            width=case.hidden,
            after_step=next_turn,
        )


def theirs(case: Case, layers: int, text: PackedText, watch: Watch) -> None:
    """Transformers' `Trainer`, body frozen, full logits: what its examples do."""
    from tokenizers import Tokenizer, models
    from transformers import (
        DataCollatorForLanguageModeling,
        PreTrainedTokenizerFast,
        Trainer,
        TrainerCallback,
        TrainingArguments,
    )

    model = case.model(layers)
    train_embeddings_only(model)
    words = {f"w{i}": i for i in range(case.vocabulary)}
    names = ["w0", "w1", "w2", "w3", f"w{SPECIAL - 1}"]
    backend = Tokenizer(models.WordLevel(words, unk_token=names[3]))
    roles = ("bos", "pad", "eos", "unk", "mask")
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, **{f"{r}_token": n for r, n in zip(roles, names, strict=True)}
    )
    tokens, _ = text.take(np.arange(text.rows))
    rows = [
        {"input_ids": row, "special_tokens_mask": (row < SPECIAL).astype(int)} for row in tokens
    ]

    class Turns(TrainerCallback):
        def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
            watch.gate()

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if not watch.gate():
                raise Over

    class Timed(Trainer):
        compute_loss = watch.wrap("forward", Trainer.compute_loss)
        get_batch_samples = watch.wrap("data", Trainer.get_batch_samples)

    gpu = case.device.type == "cuda"
    at_once = min(case.micro_batch_tokens, case.batch_tokens) if gpu else case.batch_tokens
    with tempfile.TemporaryDirectory() as folder:
        Timed(
            model=model,
            args=TrainingArguments(
                output_dir=folder,
                max_steps=STEPS,
                per_device_train_batch_size=at_once // case.length,
                gradient_accumulation_steps=case.batch_tokens // at_once,
                bf16=case.precision_of("trainer") == "bf16",
                learning_rate=RATE,
                weight_decay=DECAY,
                report_to="none",
                logging_strategy="no",
                save_strategy="no",
                disable_tqdm=True,
            ),
            train_dataset=rows,  # type: ignore[arg-type]
            data_collator=DataCollatorForLanguageModeling(
                tokenizer,
                mlm=case.mask_probability is not None,
                mlm_probability=case.mask_probability,
            ),
            callbacks=[Turns()],
        ).train()


def main(side: str, layers: str, threads: str, case: str) -> None:
    """Step whenever the parent says so."""
    torch.set_num_threads(int(threads))
    torch.manual_seed(0)
    described = Case(**json.loads(case))
    watch = Watch(int(threads))
    torch.optim.AdamW.step = watch.wrap("optimizer", torch.optim.AdamW.step)  # both sides use it
    with described.text() as text, suppress(Over):
        {"ours": ours, "trainer": theirs}[side](described, int(layers), text, watch)


if __name__ == "__main__":
    main(*sys.argv[1:])
