"""A preset as files for `kubectl apply` or `lingraft run`: one `LanguageAdaptation` a run."""

from collections.abc import Sequence
from pathlib import Path

import yaml

from bench.replication.preset import Run


def write_resources(runs: Sequence[Run], folder: Path) -> None:
    """Write them and say how many."""
    folder.mkdir(parents=True, exist_ok=True)
    for run in runs:
        content = run.resource.model_dump(mode="json", by_alias=True, exclude_unset=True)
        file = folder / f"{run.resource.metadata.name}.yaml"
        file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    print(f"{folder}: {len(runs)} files")
