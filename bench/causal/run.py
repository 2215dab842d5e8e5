"""One arm with one seed: from the base to bits per byte of held-out text through the full model."""

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoTokenizer

from bench.causal.arms import (
    BATCH_TOKENS,
    LARGE_EPS,
    LENGTH,
    RATE,
    SMALL_EPS,
    Arm,
    begins_calibrated,
    calibrations,
    update,
    updates,
)
from bench.causal.matching import layers_of, match
from lingraft.architecture import shape_of_config
from lingraft.params import Bridge, LmTraining, MiniParams
from lingraft.stage import Execution
from lingraft_trainer.data.packing import PackedText, PackWriter
from lingraft_trainer.embeddings.calibrate import calibrate
from lingraft_trainer.embeddings.init import Kind
from lingraft_trainer.embeddings.start import Start
from lingraft_trainer.evaluation.heldout import IN_OWN_TOKENS
from lingraft_trainer.models.bridge import with_bridge
from lingraft_trainer.models.checkpoint import LoadedModel, load_lm
from lingraft_trainer.models.family import embeddings, replace_vocabulary
from lingraft_trainer.models.picked import save_picked
from lingraft_trainer.running.context import StageContext
from lingraft_trainer.stages.bridge import fit_bridge
from lingraft_trainer.stages.embed import train_embeddings_only
from lingraft_trainer.tokenization.base import load_base_tokenizer
from lingraft_trainer.tokenization.frame import frame_of
from lingraft_trainer.training.lm import heldout_score, lm_objective
from lingraft_trainer.training.lm_data import LmData
from lingraft_trainer.training.loop import Settings, fit
from lingraft_trainer.training.precision import Precision, choose

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Place:
    """Where everything lies.

    Attributes:
        base: Folder of the checkpoint.
        corpus: What the stage `corpus` wrote of the new language.
        source: The same of source text, for a bridge.
    """

    base: Path
    corpus: Path
    source: Path | None


BRIDGE_TOKENS = 32_768
EVERY = 3
"""Of the held-out paragraphs every third is scored: 25 kB."""


def part_of(text: PackedText, tokenizer: Any, folder: Path) -> PackedText:
    """Every third paragraph of held-out text, packed anew; the same ones in whichever tokens."""
    frame = frame_of(tokenizer, causal=True)
    writer = PackWriter(folder, sequence_length=text.sequence_length, whole=True, **vars(frame))
    tokens, segments = text.take(np.arange(text.rows))
    number = 0
    for row, parts in zip(tokens, segments, strict=True):
        for piece in range(1, int(parts.max()) + 1):
            ids = row[parts == piece].tolist()[len(frame.prefix) : -len(frame.suffix)]
            if number % EVERY == 0:
                writer.add(ids, len(tokenizer.decode(ids).encode()))
            number += 1
    writer.close()
    return PackedText(folder)


class Bench:
    """The runs of one place."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.text = PackedText(place.corpus / "train")
        self.source = load_base_tokenizer(place.base)
        self.target = AutoTokenizer.from_pretrained(place.corpus / "tokenizer")
        self._folder = tempfile.TemporaryDirectory()
        self.heldout, self.in_own = (
            part_of(PackedText(place.corpus / name), words, Path(self._folder.name) / name)
            for name, words in (("heldout", self.target), (IN_OWN_TOKENS, self.source))
        )
        assert self.heldout.bytes == self.in_own.bytes
        self.shape = shape_of_config(self.whole().model.config.to_dict(), where="bench")
        self.precision: Precision = choose("auto", CPU, self.shape.hidden)
        self._starts: dict[tuple[Kind, bool], torch.Tensor] = {}

    def whole(self) -> LoadedModel:
        """The base."""
        return load_lm(self.place.base, dropout=0.0)

    def untouched(self) -> dict[str, Any]:
        """The base on the same text, in its own tokens."""
        return self._score(self.whole(), self.in_own)

    def start(self, arm: Arm) -> dict[str, Any]:
        """An arm's start."""
        loaded = self.whole()
        self._start(arm, loaded)
        return self._score(loaded, self.heldout)

    def run(self, arm: Arm, seed: int, budget: float) -> dict[str, Any]:
        """Train an arm on a budget of FLOPs, and score it."""
        began = time.process_time()
        whole = self.whole()
        self._start(arm, whole)
        rows = self.text.vocab_size
        steps = updates(arm, self.shape, rows, budget)
        spent = calibrations(arm, self.shape, rows)
        if arm.matching:
            spent += self._match(whole, budget * arm.matching, seed)
        trained = whole if arm.mini is None else self._mini(arm.mini, whole)
        eps = LARGE_EPS if arm.large_eps else SMALL_EPS
        self._train(trained, steps, round(arm.output_share * steps), eps, seed)
        spent += steps * update(arm, self.shape, rows)
        learned = embeddings(trained.model).weight.detach()
        whole = self.whole()  # read anew: what was frozen may be bf16 now
        if arm.mini is None:
            replace_vocabulary(whole.model, whole.family, learned, self.text.pad_id)
        else:  # its output side fits its own top: the whole one's is fitted now
            self._put(learned, whole)
        found = self._score(whole, self.heldout)
        return found | {
            "flops": spent,
            "updates": steps,
            "eps": eps,
            "cpuSeconds": time.process_time() - began,
            "precision": self.precision,
        }

    def _start(self, arm: Arm, loaded: LoadedModel) -> None:
        """An arm's start put into the whole model; no seed has a say in it."""
        if (key := (arm.start, begins_calibrated(arm))) not in self._starts:
            Start(*key, seed=0).into(
                loaded.model,
                loaded.family,
                self.source,
                self.target,
                self.text,
                CPU,
                self.precision,
            )
            self._starts[key] = embeddings(loaded.model).weight.detach().clone()
        replace_vocabulary(loaded.model, loaded.family, self._starts[key], self.text.pad_id)

    def _put(self, rows: torch.Tensor, loaded: LoadedModel) -> None:
        """Rows put into a model and fitted to its top."""
        replace_vocabulary(loaded.model, loaded.family, rows, self.text.pad_id)
        calibrate(loaded.model, loaded.family, self.text, self.precision)

    def _train(
        self, loaded: LoadedModel, steps: int, output_steps: int, eps: float, seed: int
    ) -> None:
        train_embeddings_only(loaded.model)
        params = LmTraining(
            steps=steps,
            batch_tokens=BATCH_TOKENS,
            sequence_length=LENGTH,
            learning_rate=RATE,
            warmup_steps=max(1, round(0.08 * steps)),
            weight_decay=0.0,
            dropout=0.0,
            seed=seed,
        )
        data = LmData(
            self.text,
            params,
            loaded.family,
            micro_batch_tokens=BATCH_TOKENS,
            output_steps=output_steps,
        )
        settings = Settings(
            steps=steps,
            learning_rate=RATE,
            warmup_steps=params.warmup_steps,
            weight_decay=0.0,
            seed=seed,
            dropout=False,
            eps=eps,
        )
        objective = lm_objective(loaded.model, loaded.family)
        with tempfile.TemporaryDirectory() as folder:
            fit(self._context(folder), objective, data, settings, width=self.shape.hidden)

    def _match(self, whole: LoadedModel, budget: float, seed: int) -> float:
        depth = layers_of(self.shape)
        student, teacher = (load_lm(self.place.base, layers=depth) for _ in range(2))
        replace_vocabulary(
            student.model, student.family, embeddings(whole.model).weight, self.text.pad_id
        )
        train_embeddings_only(student.model)
        spent = match(
            student.model.eval(),
            teacher.model.eval(),
            whole.family,
            self.source,
            self.target,
            self.text,
            shape=self.shape,
            budget=budget,
            seed=seed,
        )
        self._put(embeddings(student.model).weight.detach(), whole)
        return spent

    def _mini(self, layers: tuple[int, int], whole: LoadedModel) -> LoadedModel:
        """Bottom and top layers with a bridge between them, under the whole model's vocabulary."""
        assert self.place.source is not None, "a bridge is fitted on source text"
        below, above = layers
        params = MiniParams(
            method="MiniPost",
            layers=below,
            new_layers=above,
            new_layers_from="Top",
            training=None,
            bridge=Bridge(tokens=BRIDGE_TOKENS),
        )
        assert params.bridge is not None
        with tempfile.TemporaryDirectory() as folder:
            base = self.whole()
            text = PackedText(self.place.source / "train")
            depth = self.shape.layers
            bridge = fit_bridge(
                self._context(folder), base, text, params.bridge, below, depth - above
            )
            save_picked(self.place.base, params.kept(depth), Path(folder) / "mini")
            mini = load_lm(Path(folder) / "mini", dropout=0.0)
        with_bridge(mini.model, mini.family, bridge)
        self._put(embeddings(whole.model).weight.detach(), mini)
        return mini

    def _score(self, loaded: LoadedModel, text: PackedText) -> dict[str, Any]:
        model: Any = loaded.model
        model.eval()
        found = heldout_score(model, loaded.family, text, where="bench", precision=self.precision)
        return {"bitsPerByte": found.bits_per_byte, "tokens": text.tokens, "bytes": text.bytes}

    def _context(self, folder: str) -> StageContext:
        out, execution = Path(folder), Execution(precision=self.precision)
        return StageContext(params={}, inputs={}, out=out, scratch=out, execution=execution)
