"""What a namespace may name and ask for."""

from collections.abc import Sequence

from lingraft import places
from lingraft.allowed import not_allowed
from lingraft.errors import OutsideError
from lingraft.files import dotted
from lingraft.plan import readings
from lingraft.resource import LanguageAdaptationSpec
from lingraft_operator.config import Access, Config
from lingraft_operator.decision.case import pools_of


class AccessDeniedError(OutsideError):
    """The resource names a URI that its namespace may not use."""


class NotAllowedError(OutsideError):
    """The resource asks for more than is left to its namespace."""


class NotConfiguredError(OutsideError):
    """The resource counts on a setting of the chart's that is not there."""


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
    if spec.publish is not None:
        named.append((spec.publish.uri, "spec.publish.uri"))
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
    prefixes = (places.in_namespace(one, namespace) for rule in rules for one in rule.prefixes)
    return any(is_below(uri, prefix) for prefix in prefixes)


def is_below(uri: str, prefix: str) -> bool:
    """Whether a URI is a prefix itself or lies below it, by whole path segments."""
    if not uri.startswith("s3://") or "/../" in f"{uri}/" or "/./" in f"{uri}/":
        return False
    folder = prefix.rstrip("/") + "/"
    return f"{uri.rstrip('/')}/".startswith(folder)


def check_allowed(spec: LanguageAdaptationSpec, config: Config, namespace: str) -> None:
    """Refuse what the chart does not leave to a namespace's resources.

    Raises:
        NotAllowedError: The fields, and what they may say.
    """
    found = [(dotted(field), error) for field, error in not_allowed(spec, namespace, config)]
    if len(found) == 1:
        raise NotAllowedError(found[0][1].message, where=found[0][0])
    if found:
        raise NotAllowedError("; ".join(f"{field}: {error.message}" for field, error in found))


def check_prices(spec: LanguageAdaptationSpec, config: Config) -> None:
    """Refuse a budget of money where stages would cost none that is known.

    Raises:
        NotConfiguredError: Whose price is missing.
    """
    cost = spec.budget.cost if spec.budget is not None else None
    if cost is None:
        return
    for name, pool in pools_of(spec, config).items():
        if pool.price is None or pool.price.currency != cost.currency:
            raise NotConfiguredError(
                f"pool {name} has no price in {cost.currency}, and nobody knows what it costs: set "
                f"spec.pools.{name}.price, or ask whoever runs the operator for one in the chart",
                where="spec.budget.cost",
            )
