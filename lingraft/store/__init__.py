"""The artifact store: `file://` and `s3://` behind one small class."""

from pathlib import Path

from lingraft.store.base import ArtifactStore
from lingraft.store.file import FileStore
from lingraft.store.uri import parse_uri


def open_store(uri: str) -> ArtifactStore:
    """The store at `file:///absolute/dir` or `s3://bucket/prefix/`.

    An S3 store is asked for one key at once, so that a refused bucket or refused credentials
    are told before anything is spent; endpoint, region and credentials come from the standard
    AWS environment.

    Raises:
        UserError: No such address, bucket or credentials.
        InfrastructureError: The endpoint does not answer.
    """
    location = parse_uri(uri)
    if isinstance(location, Path):
        return FileStore(location)
    # Imported on demand: boto3 alone takes longer to load than `lingraft validate` may.
    from lingraft.store.s3 import S3Store

    store = S3Store(location.bucket, location.key)
    store.check()
    return store
