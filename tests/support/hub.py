"""A local Hub cache as huggingface_hub lays it out: by its own functions, without a network."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from huggingface_hub import file_download

COMMIT = "e2da8e2f811d1448a5b465c236feacd80ffbac7b"


def download(
    files: Path,
    repository: str,
    cache: Path,
    *,
    commit: str = COMMIT,
    revision: str = "main",
    names: Iterable[str] | None = None,
) -> Path:
    """The snapshot after a download of a folder's files, or of some of them."""
    home = cache / file_download.repo_folder_name(repo_id=repository, repo_type="model")
    snapshot = home / "snapshots" / commit
    for folder in (home / "blobs", snapshot):
        folder.mkdir(parents=True, exist_ok=True)
    if revision != commit:
        file_download._cache_commit_hash_for_specific_revision(str(home), revision, commit)
    for name in sorted(path.name for path in files.iterdir()) if names is None else names:
        content = (files / name).read_bytes()
        blob = home / "blobs" / hashlib.sha1(content).hexdigest()
        blob.write_bytes(content)
        file_download._create_symlink(str(blob), str(snapshot / name), new_blob=True)
    return snapshot
