"""A reader finds a whole version or none, at whatever write a publisher dies."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lingraft.errors import UserError
from lingraft.publish import Place
from lingraft.publish.judge import no_worse, scores_of
from lingraft.publish.record import version_of
from lingraft.store import open_store
from lingraft.store.base import ArtifactStore
from tests.support.dying import Died, Dying
from tests.support.publishing import publish, read, version, write

WRITES = 6
"""Of one publication, at most: a deletion, three files and the two records."""


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return open_store(f"{(tmp_path / 'place').as_uri()}/")


@pytest.mark.parametrize("done", [False, True])
@pytest.mark.parametrize("writes", range(WRITES))
@pytest.mark.parametrize("before", [None, "old"])
def test_killed_at_every_write(
    before: str | None, writes: int, done: bool, store: ArtifactStore, tmp_path: Path
) -> None:
    if before is not None:
        publish(store, tmp_path, before)
    with suppress(Died):
        publish(Dying(store, writes, done=done), tmp_path, "new")
    assert read(store) in (before, "new")
    assert publish(store, tmp_path, "new") == "new"
    assert read(store) == "new"


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "c"]),
            st.none() | st.integers(0, WRITES - 1),
            st.booleans(),
            st.booleans(),
        ),
        max_size=8,
    )
)
def test_whatever_is_published_and_rolled_back_by_whoever_dies(
    steps: list[tuple[str, int | None, bool, bool]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("place")
    store = open_store(f"{(folder / 'place').as_uri()}/")
    for name, writes, done, back in steps:
        dying = Dying(store, writes, done=done)
        before = read(store)
        try:
            if back:
                Place(dying).roll_back(name)
            else:
                publish(dying, folder, name)
        except (Died, UserError):
            assert read(store) in (before, name)
    now = Place(store).current()
    assert read(store) == (now.version if now else None)
    assert now is None or now.history[-1].version == now.version


def test_history_is_kept_and_what_was_rolled_back_from_stays_back(
    store: ArtifactStore, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        publish(store, tmp_path, name)
    place = Place(store)
    now = place.roll_back("a")
    assert [(one.version, one.by) for one in now.history] == [
        ("a", "publish"),
        ("b", "publish"),
        ("a", "rollback"),
    ]
    assert publish(store, tmp_path, "b") == "a", "nobody asked for it"
    assert place.roll_back("b").version == read(store) == "b"
    assert len(place.roll_back("b").history) == 4, "it holds already"
    assert {one.version for one in place.versions()} == {"a", "b"}


def test_what_is_not_whole_is_not_rolled_back_to(store: ArtifactStore, tmp_path: Path) -> None:
    for name in ("a", "b"):
        publish(store, tmp_path, name)
    store.delete("a/pack.json")
    with pytest.raises(UserError, match="a is no whole version; there are:"):
        Place(store).roll_back("a")
    with pytest.raises(UserError, match="z is no whole version"):
        Place(store).roll_back("z")
    assert read(store) == "b"


def test_a_version_that_lost_a_file_is_written_again(store: ArtifactStore, tmp_path: Path) -> None:
    publish(store, tmp_path, "a")
    store.delete("a/pack.json")
    assert publish(store, tmp_path, "a") == read(store) == "a"


def test_another_languages_place_is_refused(store: ArtifactStore, tmp_path: Path) -> None:
    publish(store, tmp_path, "a")
    place = Place(store)
    files = write(tmp_path, "b")
    german = place.put("b", files, lambda found: version("b", found, language="de"))
    with pytest.raises(UserError, match="holds fr, not de: give each language a place of its own"):
        place.make_current(german)
    assert read(store) == "a"


def test_two_publishers_at_once(store: ArtifactStore, tmp_path: Path) -> None:
    """The other one is between our look and our write: the judge sees what holds by then."""
    place, seen = Place(store), list[str | None]()
    made = {n: place.put(n, write(tmp_path, n), lambda f, n=n: version(n, f)) for n in ("a", "b")}

    def judge(incumbent: object) -> None:
        seen.append(getattr(incumbent, "version", None))
        if len(seen) == 1:
            place.make_current(made["b"])

    assert place.make_current(made["a"], judge).version == "a"
    assert seen == [None, "b"]


def test_a_worse_version_is_refused_on_the_same_test_data() -> None:
    metrics = {"evaluation": [{"task": "nli", "metrics": {"accuracy": {"mean": 0.7}}}]}
    new = scores_of(metrics, {"nli": "f1"})
    assert new == {"nli/accuracy/f1": 0.7}
    for before, margin, refused in ((0.7, 0, False), (0.71, 0, True), (0.71, 0.02, False)):
        incumbent = version("a", (), scores={"nli/accuracy/f1": before})
        if refused:
            with pytest.raises(UserError, match=r"nli: accuracy 0.700 is worse .* a \(0.710"):
                no_worse(new, incumbent, margin)
        else:
            no_worse(new, incumbent, margin)
    no_worse(new, version("a", (), scores={"nli/accuracy/f2": 1.0}), 0)  # of other test data
    no_worse(new, None, 0)
    with pytest.raises(UserError, match="worse"):
        no_worse({"nli/accuracy/f1": float("nan")}, version("a", (), scores=new), 0)


def test_the_same_content_is_the_same_version() -> None:
    assert version_of("graft/1", "pack") == version_of("graft/1", "pack")
    assert len({version_of("graft/1", "pack"), version_of("graft/1", "model")}) == 2
