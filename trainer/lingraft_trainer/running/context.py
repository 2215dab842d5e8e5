"""What a stage function is given: its inputs as directories, a place to write, a voice."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from lingraft.stage import Execution, Manifest, Progress

Reporter = Callable[[Progress], None]


@dataclass(kw_only=True)
class StageContext:
    """The world of one stage on one worker.

    Attributes:
        params: The stage's parameters, as `lingraft.params` describes them.
        inputs: Directory (or file) of every input, by name; verified, read-only.
        refs: What each input is of, by the same names: `<kind>/<digest>`, `source/<fingerprint>`.
        out: Where the artifact's files go. Only rank 0's are kept.
        scratch: For temporary files; removed afterwards.
        execution: How to run.
        threads: CPU threads of this worker.
        rank: This worker's number among `world`.
        device: Where models run.
        on_progress: Receives every progress of rank 0.
        on_measures: `(step, values)`, receives what rank 0 measured after an update, by name.
        save_checkpoint: `(step, folder)`, puts a checkpoint into the store.
        load_checkpoint: Folder of the stage's furthest complete checkpoint, or None.
        nodes_leaving: Ids of the run's nodes that are about to be taken away; cheap to ask.
        ancestors: Manifests of all stages this one rests on, by `<kind>/<digest>`.
        uri_of: URI of what an input is of, by its ref.
        environment: What stages add to the manifest's environment, such as the precision.
    """

    params: dict[str, Any]
    inputs: dict[str, Path]
    out: Path
    scratch: Path
    refs: Mapping[str, str] = field(default_factory=dict[str, str])
    execution: Execution = field(default_factory=Execution)
    threads: int = 1
    rank: int = 0
    world: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    on_progress: Reporter = lambda progress: None
    on_measures: Callable[[int, Mapping[str, float]], None] = lambda step, values: None
    save_checkpoint: Callable[[int, Path], None] = lambda step, folder: None
    load_checkpoint: Callable[[], Path | None] = lambda: None
    nodes_leaving: Callable[[], frozenset[str]] = frozenset
    ancestors: Callable[[], dict[str, Manifest]] = dict
    uri_of: Callable[[str], str] = str
    environment: dict[str, Any] = field(default_factory=dict[str, Any])

    def report(self, progress: Progress) -> None:
        """Say how far the stage is; cheap enough to call at every step."""
        if self.rank == 0:
            self.on_progress(progress)

    def measured(self, step: int, values: Mapping[str, float]) -> None:
        """Say what was measured after so many updates, for those who show curves."""
        if self.rank == 0:
            self.on_measures(step, values)
