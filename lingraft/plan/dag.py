"""The DAG while it is put together: stages by name, inputs resolved to digests."""

from collections.abc import Mapping

from lingraft.plan.model import PlannedStage
from lingraft.selection import Reading
from lingraft.stage import Contract, Source, Stage, StageKind


class Dag:
    """Stages in the order in which they were added, which is one in which they can run."""

    def __init__(self, sources: Mapping[Reading, Source]) -> None:
        self.sources = sources
        self._planned: dict[str, PlannedStage] = {}

    @property
    def stages(self) -> tuple[PlannedStage, ...]:
        """What was added so far."""
        return tuple(self._planned.values())

    def source(self, uri: str, reads: str) -> str:
        """The ref of an external input, by which its content is digested and not its place."""
        return f"source/{self.sources[Reading(uri, reads)].fingerprint}"

    def add(
        self,
        name: str,
        kind: StageKind,
        params: Contract,
        inputs: Mapping[str, str],
        *,
        flops: float = 0.0,
        steps: int = 0,
    ) -> str:
        """Add a stage and give back its name.

        Args:
            name: Unique in the plan.
            kind: What it does.
            params: What defines its result beside the inputs.
            inputs: By the stage's own names: the name of a stage added before, or a source's ref.
            flops: By formula.
            steps: Updates.
        """
        needs = [ref for ref in inputs.values() if ref in self._planned]
        refs = {
            key: self._planned[ref].stage.ref if ref in self._planned else ref
            for key, ref in inputs.items()
        }
        self._planned[name] = PlannedStage(
            name=name,
            stage=Stage(kind=kind, params=params.to_json(), inputs=refs),
            needs=tuple(dict.fromkeys(needs)),
            flops=flops,
            steps=steps,
        )
        return name
