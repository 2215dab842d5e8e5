"""`lingraft publish`: what a resource's place holds, and going back."""

import json as json_text
from typing import Annotated

import typer

from lingraft.commands.options import File, Json
from lingraft.errors import UserError

ROLLBACK = "lingraft.dev/rollback"
"""The annotation that does it on a cluster."""


def publish(
    file: File,
    to: Annotated[
        str, typer.Option(help="A version of the place that readers are to follow from now on.")
    ] = "",
    json: Json = False,
) -> None:
    """List the versions of spec.publish.uri, or roll back (or forward) to one of them.

    `lingraft run` publishes by itself once all gates are passed.
    """
    from lingraft.files import load_resource
    from lingraft.publish import Place
    from lingraft.store import open_store

    resource = load_resource(file)
    asked = resource.spec.publish
    if asked is None:
        raise UserError("this resource publishes nowhere: set it", where="spec.publish")
    place = Place(open_store(asked.uri))
    before = place.current()
    now = place.roll_back(to) if to else before
    versions = place.versions()
    if json:
        found = {
            "uri": place.uri,
            "current": now.to_json() if now else None,
            "versions": [one.to_json() for one in versions],
        }
        print(json_text.dumps(found, indent=1))
        return
    if not versions:
        print(f"{place.uri} holds nothing yet")
    for one in versions:
        holds = now is not None and now.version == one.version
        since = f"  current since {now.since[:16]}Z" if now is not None and holds else ""
        size = sum(file.size for file in one.files)
        print(f"{one.version}  {one.created_at[:16]}Z  {one.as_:<5}  {size:>14,} bytes{since}")
    if to:
        turned = before is None or before.version != to
        print(f"\nreaders get {to} {'from now on' if turned else 'already'}")
    if to and asked.uri.startswith("s3://"):
        name, namespace = resource.metadata.name, resource.metadata.namespace
        print(
            "the status of a cluster's resource shows it within six hours, or at once by\n"
            f"kubectl annotate la {name} -n {namespace} {ROLLBACK}={to} --overwrite"
        )
