"""A preset as files for `kubectl apply` or `lingraft run`: one `LanguageAdaptation` a run."""

from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from bench.replication.preset import Run
from bench.replication.rates import Judged, judge
from lingraft.errors import CredentialsError, InfrastructureError, UserError


def write_preset(
    search: Sequence[Run], runs: Callable[[Judged], Sequence[Run]], folder: Path
) -> None:
    """Write the files of the search for learning rates, and those of the runs once it is done.

    Args:
        search: The search's runs; none where there is nothing to choose.
        runs: The runs at the rates that a search has come to.
        folder: Gets `search/` and `runs/`.

    Raises:
        UserError: A folder holds other resources, which `kubectl apply` would take too.
    """
    if search:
        write_resources(search, folder / "search")
    try:
        judged = judge(search)
    except (CredentialsError, InfrastructureError) as error:
        print(f"the runs are written where the search's results can be read: {error}")
        return
    if len(judged) < len(search):
        print(f"the runs are written when the search is done: {len(judged)} of {len(search)} are")
        return
    write_resources(runs(judged), folder / "runs")


def write_resources(runs: Sequence[Run], folder: Path) -> None:
    """Write a file for each run, for `kubectl apply -f FOLDER`.

    Raises:
        UserError: The folder holds other resources, which would be applied too.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {folder / f"{run.resource.metadata.name}.yaml": run.resource for run in runs}
    if others := set(folder.glob("*.yaml")) - files.keys():
        name = min(others).name
        raise UserError(f"{name} and what else is no part of this must go first", where=str(folder))
    for file, resource in files.items():
        content = resource.model_dump(mode="json", by_alias=True, exclude_unset=True)
        file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    print(f"{folder}: {len(files)} files")
