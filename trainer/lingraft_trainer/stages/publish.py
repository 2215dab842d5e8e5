"""Put what passed its gates at a stable place: whole, loaded once by a clean process, and last.

The artifact of this stage is its manifest alone, which says what was published, or why not.
"""

import time
from pathlib import Path

from lingraft.floors import evaluation_of
from lingraft.gates import judged
from lingraft.pack.facts import facts_of
from lingraft.params import PublishParams
from lingraft.publish import Place, Published
from lingraft.publish.judge import no_worse, scores_of
from lingraft.publish.record import version_of
from lingraft.stage import Compute, FileRecord, Manifest, Progress, Result
from lingraft.store import open_store
from lingraft_trainer.export.folder import write_folder
from lingraft_trainer.packs.read import read_record
from lingraft_trainer.running.context import StageContext
from lingraft_trainer.training.loop import device_seconds

STEPS = 3


def publish(ctx: StageContext) -> Result:
    """Publish a graft's pack, or the base with it in place.

    Raises:
        UserError: The place is another language's, or what holds there is better.
        LingraftError: What was written does not load.
    """
    params = PublishParams.model_validate(ctx.params)
    started = time.perf_counter()
    ancestors = ctx.ancestors()
    graft = ancestors[ctx.refs["graft"]]
    said = {"uri": params.uri, "as": params.as_}
    gates = [(gate.task, gate.metric, gate.min) for gate in params.gates]
    missed = [one for one in judged(gates, evaluation_of(graft.metrics)) if not one.passed]
    if missed:
        reason = f"the gate of {missed[0].task} is missed: {missed[0].reason}"
        return Result(metrics=said | {"published": False, "reason": reason})

    place = Place(open_store(params.uri))
    tests = {
        name.partition(":")[2]: ref
        for name, ref in graft.stage.inputs.items()
        if name.startswith("test:")
    }
    scores = scores_of(graft.metrics, {n: ref.rpartition("/")[2] for n, ref in tests.items()})

    def judge(incumbent: Published | None) -> None:
        if params.no_worse_than is not None:
            no_worse(scores, incumbent, params.margin)

    now = place.current()
    judge(place.version(now.version) if now is not None else None)  # before anything is written

    ctx.report(Progress(step=0, steps=STEPS, phase="writing the folder, and loading it"))
    pack, folder = ctx.inputs["graft"] / "pack", ctx.scratch / "published"
    facts = facts_of(read_record(pack), graft, ancestors)
    record = write_folder(params.as_, ctx.inputs["base"], pack, facts, folder)

    ctx.report(Progress(step=1, steps=STEPS, phase=f"copying to {params.uri}"))
    version = version_of(graft.stage.ref, params.as_)

    def whole(files: tuple[FileRecord, ...]) -> Published:
        return Published.model_validate(
            {
                "version": version,
                "language": params.language,
                "as": params.as_,
                "graft": graft.stage.ref,
                "created_at": graft.created_at,
                "files": files,
                "scores": scores,
                "bodies": _bodies(ctx, graft) if params.as_ == "pack" else {},
                "load_test": record["loadTest"],
            }
        )

    published = place.put(version, Path(folder), whole)
    ctx.report(Progress(step=2, steps=STEPS, phase="making it the current version"))
    current = place.make_current(published, judge)
    holds = current.version == version
    reason = "" if holds else f"{version} was rolled back from; {current.version} holds"
    seconds = time.perf_counter() - started
    bytes_of = sum(one.size for one in published.files)
    return Result(
        metrics=said
        | {
            "published": holds,
            "reason": reason,
            "version": version,
            "since": current.since if holds else None,
            "bytes": bytes_of,
            "loadTest": published.load_test,
        },
        compute=Compute(seconds=seconds, device_seconds=device_seconds(seconds, 1, ctx.device)),
    )


def _bodies(ctx: StageContext, graft: Manifest) -> dict[str, str]:
    """URIs of what the pack goes into: the base, and the task models that were fine-tuned of it."""
    tuned = {
        name.removeprefix("finetune:").replace(":", "-"): ctx.uri_of(ref)
        for name, ref in graft.stage.inputs.items()
        if name.startswith("finetune:")
    }
    return {"base": ctx.uri_of(ctx.refs["base"]), **tuned}
