"""What is published, and the roll-back that an annotation asks for: pure.

`lingraft.dev/rollback: <version>` is obeyed once for each value, as lingraft.dev/retry is; what a
later run publishes holds again, and its version can be rolled back from in the same way.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from lingraft.publish import Current
from lingraft.resource import LanguageAdaptationSpec
from lingraft.stage import Failure
from lingraft.status import LanguageAdaptationStatus, PublishedStatus
from lingraft_operator.decision.refresh import LONGEST_ASKED
from lingraft_operator.names import ROLLBACK
from lingraft_operator.world import Resource

NOWHERE = f"{ROLLBACK}: this resource publishes nowhere; set spec.publish, or remove the annotation"
AGAIN = timedelta(minutes=2)
"""After which a roll-back is tried again that failed for a cause outside."""


@dataclass(frozen=True)
class Seen:
    """What was seen at a place in this pass.

    Attributes:
        current: What holds there; None: nothing does, or it could not be read.
        as_: As what that was published.
        asked: The roll-back that was tried.
        failure: Why it failed, or why the place could not be read.
    """

    current: Current | None = None
    as_: str | None = None
    asked: str = ""
    failure: Failure | None = None


def rollback_wanted(resource: Resource) -> str:
    """The version that the annotation asks for, unless that was obeyed."""
    known = resource.status.published
    asked = resource.rollback[:LONGEST_ASKED]
    return "" if known is not None and known.asked == asked else asked


def is_looked_at(resource: Resource, spec: LanguageAdaptationSpec) -> bool:
    """Whether the place is read in this pass: all is done, which is judged rarely, or it is asked.

    While stages run their manifests say what is published.
    """
    if spec.publish is None:
        return False
    stages = resource.status.stages
    done = bool(stages) and all(stage.state == "Done" for stage in stages)
    return done or bool(rollback_wanted(resource))


def followed(
    resource: Resource,
    status: LanguageAdaptationStatus,
    spec: LanguageAdaptationSpec | None,
    seen: Seen | None,
) -> LanguageAdaptationStatus:
    """The status with what is published now.

    Args:
        resource: As it was last seen.
        status: As it was decided; of what is published it knows what this plan's stage did.
        spec: The resource's; None where it is none.
        seen: What the place said in this pass, if it was read.
    """
    before, made = resource.status.published, status.published
    if spec is None:
        return status.model_copy(update={"published": before})
    asked = resource.rollback[:LONGEST_ASKED]
    if spec.publish is None:
        return status.model_copy(update={"published": _nowhere(asked) if asked else None})
    if before is not None and before.uri != spec.publish.uri:
        before = None
    known = _later(before, made if made is not None and made.uri == spec.publish.uri else None)
    if known is None:
        if seen is None or (seen.current is None and not seen.asked):
            return status.model_copy(update={"published": None})
        known = PublishedStatus.model_validate({"uri": spec.publish.uri, "as": spec.publish.as_})
    if seen is not None and seen.current is not None:
        known = _with_current(known, seen.current, seen.as_)
    if not asked:
        known = known.model_copy(update={"asked": ""})  # the next one may ask for the same
    elif seen is not None and seen.asked:
        known = known.model_copy(update=_how_it_went(seen, known))
    return status.model_copy(update={"published": known})


def _nowhere(asked: str) -> PublishedStatus:
    """That a roll-back was asked for in vain."""
    said = {"uri": "", "as": "", "asked": asked, "rollback": NOWHERE}
    return PublishedStatus.model_validate(said)


def _later(before: PublishedStatus | None, made: PublishedStatus | None) -> PublishedStatus | None:
    """What is known, of the status of before and of the stage's manifest: the later turn holds."""
    if made is None or before is None:
        return before or made
    if made.since is not None and (before.since is None or made.since > before.since):
        kept = {"asked": before.asked, "rollback": before.rollback, "previous": before.version}
        return made.model_copy(update=kept)
    return before.model_copy(update={"reason": made.reason})


def _with_current(known: PublishedStatus, now: Current, as_: str | None) -> PublishedStatus:
    earlier = [one.version for one in now.history if one.version != now.version]
    return known.model_copy(
        update={
            "version": now.version,
            "since": datetime.fromisoformat(now.since),
            "as_": as_ or known.as_,
            "by": now.history[-1].by if now.history else "",
            "previous": earlier[-1] if earlier else None,
        }
    )


def _how_it_went(seen: Seen, known: PublishedStatus) -> dict[str, str]:
    if seen.failure is None:
        instead = f", in the place of {known.previous}" if known.previous else ""
        since = f"{known.since:%Y-%m-%d %H:%M} UTC" if known.since else "now"
        return {"asked": seen.asked, "rollback": f"{known.version} holds since {since}{instead}"}
    said = seen.failure.message
    where = f"{seen.failure.where}: " if seen.failure.where else ""
    if is_final(seen.failure):
        return {"asked": seen.asked, "rollback": f"{where}{said}"}
    return {"rollback": f"{where}{said}; it is tried again"}


def is_final(failure: Failure) -> bool:
    """Whether trying again would not help: there is no such version."""
    return failure.failure_class == "user"


def wake_time(seen: Seen | None, now: datetime) -> datetime | None:
    """When a roll-back that failed is tried again."""
    if seen is None or not seen.asked or seen.failure is None or is_final(seen.failure):
        return None
    return now + AGAIN
