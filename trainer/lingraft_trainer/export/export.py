"""`lingraft export`: what a resource's plan has in the store, as a folder or an OCI layout."""

import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from safetensors import SafetensorError
from transformers.utils import logging as transformers_logging

from lingraft.cache import cache_dir
from lingraft.errors import UserError
from lingraft.pack.facts import facts_of
from lingraft.pack.oci import write_layout
from lingraft.plan import Plan
from lingraft.plan.packs import writes_pack
from lingraft.stage import Manifest
from lingraft.store import open_store
from lingraft.store.stages import fetch_artifact, read_manifest
from lingraft_trainer.export.folder import write_folder
from lingraft_trainer.packs.read import read_record
from lingraft_trainer.running.attempt import ancestors
from lingraft_trainer.running.failures import classified
from lingraft_trainer.running.inputs import fetch_input

PARTIAL = ".partial"
As = Literal["pack", "model", "modelcar"]


def export(
    plan: Plan, as_: As, out: Path, *, task: str | None = None, base_model: str | None = None
) -> dict[str, Any]:
    """Write what a plan's graft made.

    Args:
        plan: Of the resource.
        as_: A language pack; a whole model; or a whole model as an OCI image layout.
        out: A folder that is empty or not there.
        task: Name and seed of a task, `topic-0`: its model in place of the language model.
        base_model: The base's name on the Hub.

    Returns:
        What stands in `export.json`.

    Raises:
        UserError: The folder is not empty, the graft is not done, or there is no such task.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError("there is something already; name a folder that is new", where=str(out))
    transformers_logging.disable_progress_bar()
    store = open_store(plan.store)
    graft = read_manifest(store, plan["graft"].stage.ref)
    if graft is None or not writes_pack(plan):
        raise UserError("its graft is not in the store yet: run it first", where="lingraft export")
    folder = fetch_artifact(store, graft, cache_dir(), lambda path: path.startswith("pack/"))
    pack = folder / "pack"
    base, name = _base(plan, graft, task)
    facts = facts_of(read_record(pack), graft, ancestors(store, graft.stage), base_model)
    with whole(out) as partial:
        if as_ != "modelcar":
            return write_folder(as_, base, pack, facts, partial, task=name)
        with tempfile.TemporaryDirectory(prefix="lingraft-export-") as scratch:
            record = write_folder("model", base, pack, facts, Path(scratch), task=name)
            write_layout(Path(scratch), partial, created=graft.created_at)
            shutil.copyfile(Path(scratch, "export.json"), partial / "export.json")
        return record | {"as": "modelcar"}


@contextmanager
def whole(out: Path) -> Generator[Path]:
    """A folder below another one, whose files come up to it once all are written.

    Nobody finds half a model, and what failed or was stopped can be done again.

    Raises:
        LingraftError: The disk is full, or it cannot be written to.
    """
    made, partial = not out.exists(), out / PARTIAL
    try:
        partial.mkdir(parents=True)
        yield partial
        for file in list(partial.iterdir()):
            file.rename(out / file.name)
    except (OSError, SafetensorError) as error:
        raise classified(error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        if made and out.is_dir() and not any(out.iterdir()):
            out.rmdir()


def _base(plan: Plan, graft: Manifest, task: str | None) -> tuple[Path, str | None]:
    """The model that the pack goes into, and the name of its task."""
    spec = plan.spec(plan["graft"], "export")
    if task is None:
        return fetch_input(spec, open_store(plan.store), "base"), None
    name, _, seed = task.rpartition("-")
    wanted = f"finetune:{name}:{seed}"
    if wanted not in graft.stage.inputs:
        known = [one.removeprefix("finetune:") for one in graft.stage.inputs if "finetune:" in one]
        said = ", ".join(one.replace(":", "-") for one in known) or "none"
        raise UserError(f"there is no task model {task}; there are: {said}", where="--task")
    return fetch_input(spec, open_store(plan.store), wanted), name
