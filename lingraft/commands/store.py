"""`lingraft store`: what is there, what it costs, and what nothing reaches."""

import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lingraft.commands.options import planned_of
from lingraft.errors import UserError

if TYPE_CHECKING:
    from lingraft.store.base import ArtifactStore

app = typer.Typer(no_args_is_help=True, help="What is in a store, and what it costs.")
Uri = Annotated[str, typer.Option("--store", help="s3://bucket/prefix/, or a folder.")]
Files = Annotated[
    list[Path] | None,
    typer.Option("--filename", "-f", help="A file whose plan is wanted; several."),
]


def _open(uri: str) -> "ArtifactStore":
    from lingraft.places import absolute_uri
    from lingraft.store import open_store

    return open_store(absolute_uri(uri, Path.cwd()))


@app.command("ls")
def list_stages(
    store: Uri,
    language: Annotated[str, typer.Option(help="Of it alone.")] = "",
    resource: Annotated[
        str, typer.Option(help="Of it alone: namespace/name, or a file's metadata.name.")
    ] = "",
) -> None:
    """List stages: language, size, when they were made, their folder, and what they are called."""
    from lingraft.inventory.survey import survey

    entries = survey(_open(store)).values()
    for one in sorted(entries, key=lambda one: (one.resource, one.language, one.ref)):
        wanted = (not language or language in one.languages) and (
            not resource or resource in one.resources
        )
        if not wanted:
            continue
        made = datetime.fromtimestamp(one.modified, UTC).strftime("%Y-%m-%d %H:%M")
        name = one.called.partition("/")[2] if one.manifest else "not done"
        kind, _, digest = one.ref.partition("/")
        print(
            f"{one.resource:<20}  {one.language:<8}  {one.bytes:>15,}  {made}  "
            f"{kind}/{digest[:12]}  {name}".rstrip()
        )


@app.command()
def show(
    store: Uri,
    ref: Annotated[str, typer.Argument(help="kind/digest or resource/stage, or its start.")],
) -> None:
    """Show one stage: its parameters, inputs, files and figures, as JSON."""
    from lingraft.inventory.survey import survey

    found = [one for one in survey(_open(store)).values() if one.begins(ref)]
    if len(found) != 1:
        raise UserError(f"{len(found)} stages begin so; see lingraft store ls", where=ref)
    manifest = found[0].manifest
    if manifest is None:
        raise UserError("it is not done; see lingraft store logs", where=found[0].ref)
    print(manifest.model_dump_json(by_alias=True, indent=1))


@app.command()
def du(store: Uri) -> None:
    """Say what the store costs in bytes, by kind and by language."""
    from lingraft.inventory.survey import survey

    kinds, languages = Counter[str](), Counter[str]()
    for one in survey(_open(store)).values():
        kinds[one.kind] += one.bytes
        languages[one.language] += one.bytes
    for title, sizes in (("kind", kinds), ("language", languages)):
        for name, size in sizes.most_common():
            print(f"{title:<8}  {name:<12}  {size:>18,}")
    print(f"{'all':<8}  {'':<12}  {kinds.total():>18,}")


@app.command()
def logs(
    store: Uri,
    ref: Annotated[str, typer.Argument(help="kind/digest or resource/stage, or its start.")],
) -> None:
    """Say what every attempt at a stage said last: its progress, why it ended, its log's URI."""
    from lingraft.inventory.survey import survey
    from lingraft.stage import Failure, Progress
    from lingraft.store.json_object import parse_object
    from lingraft.store.logs import is_log

    place = _open(store)
    for name, one in survey(place).items():
        if not one.begins(ref):
            continue
        print(f"{name}: {'done' if one.manifest else 'not done'}")
        for key in sorted(one.keys):
            if key.endswith("/progress.json") and (found := parse_object(place, key, Progress)):
                said = found[0]
                steps = f"{said.step}/{said.steps} {said.phase}"
                print(f"  {key.split('/')[2]}: {said.updated_at[:19]} {steps}")
            if key.endswith("/failure.json") and (ended := parse_object(place, key, Failure)):
                print(f"  {key.split('/')[2]}: {ended[0].reason}: {ended[0].message}")
            if is_log(key):
                print(f"  {key.split('/')[2]}: {place.uri}{key}")


@app.command()
def prune(
    store: Uri,
    files: Files = None,
    resources: Annotated[
        Path | None, typer.Option(help="What `kubectl get la -A -o json` printed.")
    ] = None,
    published: Annotated[
        list[str] | None, typer.Option(help="A place of published versions; several.")
    ] = None,
    days: Annotated[float, typer.Option(help="Keep what was written since.", min=0)] = 7.0,
    intermediates: Annotated[
        bool, typer.Option(help="Also mini-models and source text that led to what is done.")
    ] = False,
    delete: Annotated[bool, typer.Option("--delete", help="Do it; else it is only said.")] = False,
) -> None:
    """Delete what no file, resource or published version reaches; says what, unless --delete.

    What a lease holds stays. Name everything that is to be kept: files, the cluster's resources,
    places of publication (those of the files and resources are known).
    """
    from lingraft.inventory import roots
    from lingraft.inventory.prune import prunable
    from lingraft.inventory.prune import prune as remove
    from lingraft.inventory.survey import survey

    if not files and resources is None and not published:
        raise UserError("name what is to be kept: -f, --resources or --published", where="prune")
    wanted: set[str] = set()
    places = set(published or [])
    for file in files or []:
        resource, plan = planned_of(file)
        wanted |= roots.refs_of_plan(plan)
        if resource.spec.publish is not None:
            places.add(resource.spec.publish.uri)
    for item in roots.resources_in(resources) if resources else []:
        wanted |= roots.refs_of_resource(item)
        if (asked := item["spec"].get("publish")) is not None:
            places.add(asked["uri"])
    wanted |= roots.refs_of_places(places)
    if not wanted:
        message = "what you named wants nothing, so all would go: name what is to be kept"
        raise UserError(message, where="prune")
    place = _open(store)
    doomed = prunable(
        survey(place), wanted, now=time.time(), days=days, intermediates=intermediates
    )
    total = 0
    for one in doomed:
        gone = not delete or remove(place, one)
        size = one.entry.bytes
        total += size if gone else 0
        said = ("deleted" if delete else "would delete") if gone else "held, stays"
        what = "" if one.what == "all" else " (its files; the manifest stays)"
        print(f"{said}  {one.entry.language:<8}  {size:>15,}  {one.entry.ref}{what}")
    print(
        f"{total:,} bytes" + ("" if delete else "; give --delete to delete them"), file=sys.stderr
    )
