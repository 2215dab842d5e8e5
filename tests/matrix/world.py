"""Where cells run: their files, which many of them share, and one store."""

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from lingraft.errors import UserError
from lingraft.files import load_resource
from lingraft.plan import Plan
from lingraft.planning import plan_resource
from lingraft.stage import Execution, Manifest
from lingraft.store import open_store
from lingraft.store.stages import fetch_artifact
from lingraft_trainer.running.local import run_plan
from tests.matrix.bases import BASES, add_middle_head
from tests.matrix.cells import Cell, resource_fields, task_fields
from tests.matrix.corpora import CORPORA, SOURCE, txt
from tests.matrix.precision import DTYPES, PRODUCTS, cast
from tests.matrix.refused_bases import BAD_BASES
from tests.matrix.refused_data import BAD_CORPORA, BAD_TASKS, BAD_TOKENIZERS
from tests.matrix.tagged import TAGGED
from tests.matrix.tasks import TASKS, Task
from tests.matrix.vocabularies import VOCABULARIES
from tests.support.world import Recorder


class World:
    """A folder with everything, each thing made when it is first asked for.

    Args:
        folder: Empty.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = f"{(folder / 'store').as_uri()}/"
        source = folder / "source.txt"
        source.write_bytes(txt(SOURCE))
        self.source = source.as_uri()
        self._fields = 0
        # Of this world alone: a method's cache would keep it for ever.
        self.base, self.task = cache(self._base), cache(self._task)
        self.corpus, self.tokenizer = cache(self._corpus), cache(self._tokenizer)

    def new(self, *names: str) -> Path:
        """An empty folder."""
        folder = self.folder.joinpath(*(name.replace("/", " ") for name in names))
        folder.mkdir(parents=True)
        return folder

    def _base(self, name: str, precision: str) -> Path:
        folder = self.new("bases", name, precision)
        if name in BAD_BASES:
            BAD_BASES[name].make(folder)
            return folder
        BASES[name](folder)
        cast(folder, precision)
        add_middle_head(folder, DTYPES[precision])
        return folder

    def _corpus(self, name: str) -> Path:
        make = BAD_CORPORA[name].make if name in BAD_CORPORA else CORPORA[name]
        return make(self.new("corpora", name))

    def _task(self, name: str) -> Task:
        make = BAD_TASKS[name].make if name in BAD_TASKS else (TASKS | TAGGED)[name]
        return make(self.new("tasks", name))

    def _tokenizer(self, name: str, base: Path) -> tuple[Path, dict[str, Any]]:
        folder = self.new("tokenizers", name, *base.parts[-2:])
        if name in BAD_TOKENIZERS:
            return folder, BAD_TOKENIZERS[name].make(folder)
        return folder, VOCABULARIES[name].fields(folder, base)

    def plan(self, cell: Cell) -> Plan:
        """Load and plan the resource of a cell, from a file as people write it."""
        base, task = self.base(cell.base, cell.precision), self.task(cell.task)
        uris = {
            "base": f"{base.as_uri()}/",
            "corpus": self.corpus(cell.corpus).as_uri(),
            "source": self.source,
            "store": self.store,
        }
        content = resource_fields(
            cell,
            uris,
            tokenizer=self.tokenizer(cell.tokenizer, base)[1],
            tasks=[task_fields(task.fields)],
        )
        file = self.folder / "resource.yaml"
        file.write_text(yaml.safe_dump(content, allow_unicode=True))
        return plan_resource(load_resource(file))

    def run(self, cell: Cell, plan: Plan) -> dict[str, Manifest]:
        """Run what of it is not in the store yet."""
        execution = Execution(threads=1, precision=PRODUCTS[cell.products])
        return run_plan(plan, execution, Recorder())

    def result(self, manifest: Manifest) -> Path:
        """The files of one stage."""
        return fetch_artifact(open_store(self.store), manifest, self.folder / "cache")

    def refusal(self, cell: Cell) -> tuple[UserError, str] | None:
        """What a cell is refused with, and whether its plan or its run says so."""
        try:
            plan = self.plan(cell)
        except UserError as error:
            return error, "plan"
        try:
            self.run(cell, plan)
        except UserError as error:
            return error, "run"
        return None
