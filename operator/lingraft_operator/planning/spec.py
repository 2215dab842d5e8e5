"""The spec as a plan is made of it: the chart's defaults, and models where the mirror has them."""

from pydantic import ValidationError

from lingraft import places
from lingraft.allowed import tenant_of
from lingraft.errors import OutsideError, UserError
from lingraft.files import dotted
from lingraft.resource import LanguageAdaptationSpec
from lingraft_operator.config import Config
from lingraft_operator.planning.access import NotConfiguredError
from lingraft_operator.world import Resource


def parse(resource: Resource, config: Config) -> LanguageAdaptationSpec:
    """The spec with the chart's store and queue where it names none.

    Raises:
        UserError: It is none, though the API server took it.
    """
    try:
        spec = LanguageAdaptationSpec.model_validate(resource.spec)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(["spec", *(str(part) for part in first["loc"])])
        raise UserError(first["msg"].removeprefix("Value error, "), where=where) from error
    store = spec.store or config.store
    if store is not None:
        uri = places.in_namespace(store.uri, resource.namespace)
        store = store.model_copy(update={"uri": uri})
    added = {"store": store, "queue": spec.queue or tenant_of(resource.namespace, config).queue}
    return spec.model_copy(update=added)


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
