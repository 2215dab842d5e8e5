"""The plan that a resource is pinned to: made, looked up anew, followed, replaced."""

from collections.abc import Mapping
from datetime import datetime

from lingraft.errors import LingraftError
from lingraft.plan import readings
from lingraft.planning import plan_resource
from lingraft.resource import API_VERSION, KIND, LanguageAdaptation, LanguageAdaptationSpec
from lingraft.selection import Reading
from lingraft.stage import CONTRACT, Source
from lingraft.status import PinnedPlan
from lingraft_operator.capacity import check_memory
from lingraft_operator.config import Config
from lingraft_operator.decision.healing import LONGEST, needs_somebody
from lingraft_operator.decision.refresh import Look, Looked
from lingraft_operator.jobs.rayjob import check_stages
from lingraft_operator.planning.access import check_access
from lingraft_operator.planning.failures import as_failure, not_by_an_edit
from lingraft_operator.status.room import check_room
from lingraft_operator.world import Resource

NO_IMAGE = {
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImageInspectError",
    "ImagePullBackOff",
    "InvalidImageName",
}


def needs_plan(resource: Resource) -> bool:
    """Whether there is no plan of this generation."""
    pinned = resource.status.plan
    return pinned is None or pinned.generation != resource.generation


def why_replaced(resource: Resource, now: datetime) -> str:
    """Why the plan that was pinned for this generation cannot be followed; empty where it can.

    One of another contract is followed under that one, by the image that it pinned, and what was
    done by it is not given up for an image that is away for a while.
    """
    pinned, states = resource.status.plan, {stage.state for stage in resource.status.stages}
    if pinned is None or states == {"Done"}:
        return ""
    if pinned.readable is None:
        return "another release of lingraft pinned the plan before, and this one cannot read it"
    stuck = next(
        (c.last_transition_time for c in resource.status.conditions if c.type == "Stalled"), now
    )
    if pinned.contract != CONTRACT and _has_no_image(resource) and now - stuck >= LONGEST:
        return (
            f"the plan before has contract {pinned.contract}, and its image "
            f"{pinned.trainer_image} cannot be had"
        )
    return ""


def make_plan(
    resource: Resource,
    spec: LanguageAdaptationSpec,
    config: Config,
    *,
    anew: bool = False,
    why: str = "",
) -> PinnedPlan:
    """Look up what the spec names, and pin it.

    URIs that were pinned before stay as they were, unless an older contract read other files of
    them, or a refresh is asked for.

    Args:
        resource: As it was last seen.
        spec: Its spec.
        config: The chart's settings.
        anew: Whether everything is looked up, whatever was pinned.
        why: Why the plan of this generation is not followed.

    Raises:
        AccessDeniedError: Something may not be named; nothing was asked for.
        OutsideError: Something is not there, or not as it must be.
        UserError: What the spec says does not fit, or Kubernetes has no room for it.
        TooSmallError: The chart's pools cannot hold a stage.
        InfrastructureError: A bucket did not answer.
    """
    check_access(spec, config.access, resource.namespace)
    former = resource.status.plan
    before = former.readable if former is not None else None
    keep: Mapping[Reading, Source] = {}
    shape = None
    if former and before and former.refresh == resource.refresh and not anew:
        keep = {Reading(one.uri, one.reads): one for one in before.sources if one.reads}
        shape = before.shape
    adaptation = LanguageAdaptation.model_validate(
        {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {"name": resource.name, "namespace": resource.namespace},
            "spec": spec.model_dump(by_alias=True, exclude_unset=True),
        }
    )
    plan = plan_resource(adaptation, keep, shape)
    check_stages(plan)
    check_memory(plan, spec, config)
    pinned = PinnedPlan(
        generation=resource.generation,
        contract=CONTRACT,
        trainer_image=config.trainer_image,
        credentials_secret=spec.store.credentials_secret if spec.store else None,
        refresh=resource.refresh,
        replaced=why,
        content=plan.model_dump_json(by_alias=True),
    )
    check_room(pinned, spec, resource.other_bytes, resource.retry)
    return pinned


def look_anew(
    resource: Resource, spec: LanguageAdaptationSpec, config: Config, look: Look, now: datetime
) -> Looked:
    """Look everything up anew; where nothing changed the plan stays as it was, image and all."""
    former = resource.status.plan
    assert former is not None  # nothing is refreshed before it was planned
    try:
        pinned = make_plan(resource, spec, config, anew=True)
    except LingraftError as error:
        return Looked(look, now, failure=not_by_an_edit(as_failure(error)))
    before, after = former.readable, pinned.plan
    was = {(one.uri, one.reads): one.fingerprint for one in before.sources} if before else {}
    fields = [
        field
        for field, one in zip(readings(spec).values(), after.sources, strict=True)
        if was.get((one.uri, one.reads)) != one.fingerprint
    ]
    if not fields:
        return Looked(look, now, former.model_copy(update={"refresh": resource.refresh}))
    known = {one.stage.ref for one in before.stages} if before else set[str]()
    new = tuple(one.name for one in after.stages if one.stage.ref not in known)
    return Looked(look, now, pinned, tuple(fields), new)


def followed(resource: Resource, config: Config) -> PinnedPlan | None:
    """The pinned plan; with the chart's present image where the pinned one cannot be had."""
    pinned = resource.status.plan
    if pinned is None or pinned.contract != CONTRACT or not _has_no_image(resource):
        return pinned
    return pinned.model_copy(update={"trainer_image": config.trainer_image})


def _has_no_image(resource: Resource) -> bool:
    stuck = (needs_somebody(stage) for stage in resource.status.stages)
    return any(one is not None and one.reason in NO_IMAGE for one in stuck)
