"""Where the logs of stages are: pure."""

from collections.abc import Iterable

from lingraft.status import StageStatus
from lingraft.store.logs import log_uri


def with_logs(stages: Iterable[StageStatus], store: str) -> tuple[StageStatus, ...]:
    """The stages, each with the log of who made the artifact, or of the last attempt.

    Args:
        stages: As they were judged.
        store: URI of the plan's store.
    """
    return tuple(one.model_copy(update={"log": _log(one, store)}) for one in stages)


def _log(stage: StageStatus, store: str) -> str | None:
    holder = stage.attempts[-1].holder if stage.attempts else None
    holder = stage.holder if stage.state == "Done" else holder
    return log_uri(store, f"{stage.kind}/{stage.digest}", holder) if holder else None
