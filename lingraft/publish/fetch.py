"""What a reader of a place gets: the version that holds, checked."""

from pathlib import Path

from lingraft.cache import populate
from lingraft.errors import CorruptArtifactError
from lingraft.publish.place import Place
from lingraft.publish.record import CURRENT
from lingraft.stage import FileRecord, sha256_of
from lingraft.store import open_store
from lingraft.store.uri import parse_uri


def fetch_current(uri: str, cache_dir: Path) -> Path | None:
    """The local folder of what a place holds; None where nothing is published.

    Args:
        uri: Of the place.
        cache_dir: Where downloads lie.

    Raises:
        CorruptArtifactError: The version that holds is not whole.
    """
    local = parse_uri(uri)
    if isinstance(local, Path) and not (local / CURRENT).is_file():
        return None
    store = open_store(uri)
    place = Place(store)
    now = place.current()
    if now is None:
        return None
    version = place.version(now.version)
    if version is None:
        message = f"its current version {now.version} is not whole; lingraft publish --to another"
        raise CorruptArtifactError(message, where=uri)

    def fill(folder: Path) -> tuple[FileRecord, ...]:
        store.download(f"{now.version}/", version.files, folder)
        return version.files

    return populate(cache_dir / "published" / sha256_of(version.to_json())[:40], fill)
