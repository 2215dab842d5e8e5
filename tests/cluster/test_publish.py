"""What is published, and rolled back by an annotation, on a real API server and a real S3."""

from typing import Any

from lingraft.publish import Place
from lingraft.store import open_store
from tests.cluster.bed.adaptations import Adaptations, conditions_of
from tests.cluster.bed.bed import Bed
from tests.cluster.bed.operator import Operator
from tests.cluster.bed.processes import wait_until


def published(adaptations: Adaptations) -> dict[str, Any]:
    """What the status says is published; empty before."""
    return adaptations.get("french").get("status", {}).get("published", {})


def test_published_rolled_back_by_kubectl_and_published_again(
    operator: Operator, adaptations: Adaptations, bed: Bed
) -> None:
    uri = f"{adaptations.store}published/"
    place = Place(open_store(uri))

    def holds() -> str | None:
        current = place.current()
        return current.version if current is not None else None

    def change(count: int) -> str:
        """The corpus changes, and is looked up; the version that is published of it."""
        before = published(adaptations)["version"]
        adaptations.upload_corpus("Une phrase de plus.\n" * count)
        adaptations.annotate("french", refresh=str(count))
        what = "another version holds"
        wait_until(lambda: published(adaptations)["version"] != before, what, seconds=90)
        return published(adaptations)["version"]

    def roll_back(version: str) -> None:
        name, note = "la/french", f"lingraft.dev/rollback={version}"
        bed.cluster.kubectl("annotate", name, "-n", adaptations.namespace, note, "--overwrite")

    corpus = {"uri": adaptations.upload_corpus()}
    adaptations.create("french", corpus=corpus, publish={"uri": uri}, tasks=[])
    status = adaptations.wait("french")["status"]
    first = status["published"]["version"]
    assert holds() == first and status["published"]["since"]
    second = change(1)
    assert holds() == second != first and published(adaptations)["previous"] == first

    roll_back(first)
    wait_until(lambda: published(adaptations)["version"] == first, "it is rolled back")
    assert holds() == first
    said = published(adaptations)
    assert (said["by"], said["asked"], said["previous"]) == ("rollback", first, second)
    assert conditions_of(adaptations.get("french"))["Ready"]["status"] == "True"

    third = change(2)
    assert holds() == third not in (first, second)
    roll_back("0123456789ab")
    wait_until(lambda: published(adaptations)["asked"] == "0123456789ab", "it is tried")
    assert f"there are: {first}, {second}, {third}" in published(adaptations)["rollback"]
    operator.stop()
    operator.start()
    adaptations.annotate("french", rollback=second)
    wait_until(lambda: published(adaptations)["version"] == second, "it is rolled back")
    current = place.current()
    assert current is not None
    turns = [(one.version, one.by) for one in current.history]
    assert turns == [
        (first, "publish"),
        (second, "publish"),
        (first, "rollback"),
        (third, "publish"),
        (second, "rollback"),
    ]
