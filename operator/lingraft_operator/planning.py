"""The plan of a resource: what its namespace may name, and what it is pinned to."""

from collections.abc import Mapping, Sequence

from pydantic import ValidationError

from lingraft import places
from lingraft.errors import CredentialsError, LingraftError, OutsideError, UserError
from lingraft.files import dotted
from lingraft.plan import readings
from lingraft.planning import plan_resource
from lingraft.resource import API_VERSION, KIND, LanguageAdaptation, LanguageAdaptationSpec
from lingraft.selection import Reading
from lingraft.stage import CONTRACT, Failure, Source
from lingraft.status import PinnedPlan
from lingraft_operator.config import Access, Config
from lingraft_operator.healing import needs_somebody
from lingraft_operator.world import Resource

NO_IMAGE = {
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImageInspectError",
    "ImagePullBackOff",
    "InvalidImageName",
}


class AccessDeniedError(OutsideError):
    """The resource names a URI that its namespace may not use."""


class NotConfiguredError(OutsideError):
    """The resource counts on a setting of the chart's that is not there."""


def parse(resource: Resource, config: Config) -> LanguageAdaptationSpec:
    """The spec with the chart's store where it names none.

    Raises:
        UserError: It is none, though the API server took it.
    """
    try:
        spec = LanguageAdaptationSpec.model_validate(resource.spec)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(["spec", *(str(part) for part in first["loc"])])
        raise UserError(first["msg"].removeprefix("Value error, "), where=where) from error
    return spec if spec.store is not None else spec.model_copy(update={"store": config.store})


def placed(spec: LanguageAdaptationSpec) -> LanguageAdaptationSpec:
    """The spec with models of the Hub where the mirror has them.

    Raises:
        NotConfiguredError: There is no mirror; the field.
        UserError: Something else is on the Hub; the field.
    """
    written = spec.model_dump(by_alias=True, exclude_unset=True)
    found, faults = places.placed(written, places.on_cluster)
    if faults:
        (where, error), *_ = faults
        kind = NotConfiguredError if isinstance(error, OutsideError) else UserError
        raise kind(str(error), where=dotted(("spec", *where)))
    return spec if found == written else LanguageAdaptationSpec.model_validate(found)


def needs_plan(resource: Resource) -> bool:
    """Whether the pinned plan is of another generation, or is to be looked up anew."""
    pinned = resource.status.plan
    return (
        pinned is None
        or pinned.generation != resource.generation
        or pinned.refresh != resource.refresh
    )


def make_plan(resource: Resource, spec: LanguageAdaptationSpec, config: Config) -> PinnedPlan:
    """Look up what the spec names, and pin it.

    URIs that were pinned before stay as they were, unless lingraft.dev/refresh says otherwise, or
    an older contract read other files of them.

    Raises:
        AccessDeniedError: Something may not be named; nothing was asked for.
        OutsideError: Something is not there, or not as it must be.
        UserError: What the spec says does not fit.
        InfrastructureError: A bucket did not answer.
    """
    check_access(spec, config.access, resource.namespace)
    former = resource.status.plan
    keep: Mapping[Reading, Source] = {}
    shape = None
    if former is not None and former.refresh == resource.refresh:
        before = former.plan
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
    return PinnedPlan(
        generation=resource.generation,
        contract=CONTRACT,
        trainer_image=config.trainer_image,
        credentials_secret=spec.store.credentials_secret if spec.store else None,
        refresh=resource.refresh,
        content=plan.model_dump_json(by_alias=True),
    )


def followed(resource: Resource, config: Config) -> PinnedPlan | None:
    """The pinned plan; with the chart's present image where the pinned one cannot be had."""
    pinned = resource.status.plan
    stuck = (needs_somebody(stage) for stage in resource.status.stages)
    if pinned is None or not any(one is not None and one.reason in NO_IMAGE for one in stuck):
        return pinned
    return pinned.model_copy(update={"trainer_image": config.trainer_image})


def check_access(spec: LanguageAdaptationSpec, access: Sequence[Access], namespace: str) -> None:
    """Refuse URIs that a namespace may not name.

    Raises:
        AccessDeniedError: The field, the URI, and who can change that.
        NotConfiguredError: No store is named, and the chart names none.
    """
    if spec.store is None:
        message = "set it; the operator has no default store"
        raise NotConfiguredError(message, where="spec.store.uri")
    named = [(one.uri, field) for one, field in readings(spec).items()]
    for uri, field in [*named, (spec.store.uri, "spec.store.uri")]:
        if not may_use(uri, access, namespace):
            raise AccessDeniedError(
                f"namespace {namespace} may not use {uri}: whoever runs the operator can allow it "
                "in the chart's access list",
                where=field,
            )


def may_use(uri: str, access: Sequence[Access], namespace: str) -> bool:
    """Whether a namespace may name a URI."""
    rules = [rule for rule in access if rule.namespace in (namespace, "*")]
    return any(is_below(uri, prefix) for rule in rules for prefix in rule.prefixes)


def is_below(uri: str, prefix: str) -> bool:
    """Whether a URI is a prefix itself or lies below it, by whole path segments."""
    if not uri.startswith("s3://") or "/../" in f"{uri}/" or "/./" in f"{uri}/":
        return False
    folder = prefix.rstrip("/") + "/"
    return f"{uri.rstrip('/')}/".startswith(folder)


def as_failure(error: LingraftError) -> Failure:
    """Why there is no plan, for conditions: the reason says whose turn it is."""
    # A refused identity is the operator's own, of which no tenant knows.
    away = not isinstance(error, UserError) or isinstance(error, CredentialsError)
    return Failure(
        failure_class="infrastructure" if away else error.failure_class,
        reason="StoreUnavailable" if away else _reason(error),
        message=error.message,
        where=error.where,
    )


def _reason(error: LingraftError) -> str:
    if isinstance(error, AccessDeniedError):
        return "AccessDenied"
    if isinstance(error, NotConfiguredError):
        return "NotConfigured"
    return "InputUnavailable" if isinstance(error, OutsideError) else "InvalidSpec"


def not_by_an_edit(failure: Failure) -> Failure:
    """A failure of what was planned once: nothing was edited since, so the cause lies outside."""
    if failure.failure_class != "user":
        return failure
    return failure.model_copy(update={"failure_class": "outside", "reason": "NoLongerValid"})
