"""Whether an S3-compatible server keeps what writers rely on: conditional writes, checksums.

A server that takes If-None-Match for nothing lets two trainers hold one lease, and says nothing; so
it is tried, with one small object, before anything is written. Amazon's own need not be asked.
API: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

# pyright: reportUnknownMemberType=false
import secrets
from contextlib import suppress
from typing import Any, cast

from botocore import exceptions as aws

from lingraft.errors import UnsuitableStoreError

DATA = b"lingraft tries what this server knows; this object may be deleted"
_KEPT = {"412", "PreconditionFailed", "ConditionalRequestConflict", "404", "NoSuchKey"}
_UNKNOWN = {
    "400", "405", "501", "BadDigest", "InvalidArgument", "InvalidDigest", "InvalidRequest",
    "MalformedTrailerError", "MethodNotAllowed", "NotImplemented", "XAmzContentSHA256Mismatch",
}  # fmt: skip
"""What servers answer to a header that they do not know."""


def probe(client: Any, bucket: str, prefix: str, endpoint: str) -> None:
    """Write an object twice, and take it away again.

    Args:
        client: boto3's.
        bucket: Of the store.
        prefix: Of the store.
        endpoint: For messages.

    Raises:
        UnsuitableStoreError: The server lacks something, in a sentence.
        botocore's ClientError, BotoCoreError: It could not be asked.
    """
    place = {"Bucket": bucket, "Key": f"{prefix}probe-{secrets.token_hex(8)}"}
    uri = f"s3://{bucket}/{prefix}"
    try:
        _checksums(client, place, uri, endpoint)
        for name, value in (("IfNoneMatch", "*"), ("IfMatch", f'"{"0" * 32}"')):
            _condition(client, place, uri, endpoint, {name: value})
    finally:
        with suppress(aws.ClientError, aws.BotoCoreError):
            client.delete_object(**place)


def _checksums(client: Any, place: dict[str, str], uri: str, endpoint: str) -> None:
    try:
        client.put_object(**place, Body=DATA, ChecksumAlgorithm="CRC32")
    except aws.ClientError as error:
        if (code := _code(error)) not in _UNKNOWN:
            raise
        raise UnsuitableStoreError(
            f"{endpoint} refuses an object that has a CRC32 checksum ({code}): use an S3 server "
            "that knows checksums, or a newer release of this one",
            where=uri,
        ) from error
    if client.get_object(**place)["Body"].read(2 * len(DATA)) != DATA:
        raise UnsuitableStoreError(
            f"{endpoint} gives back another object than was written with a CRC32 checksum: use an "
            "S3 server that knows checksums, or a newer release of this one",
            where=uri,
        )


def _condition(
    client: Any, place: dict[str, str], uri: str, endpoint: str, condition: dict[str, str]
) -> None:
    """Write under a condition that does not hold."""
    try:
        client.put_object(**place, Body=DATA, **condition)
        does = "ignores"
    except aws.ClientError as error:
        if (code := _code(error)) in _KEPT:
            return
        if code not in _UNKNOWN:
            raise
        does = f"refuses ({code})"
    (name,) = condition
    header = {"IfNoneMatch": "If-None-Match", "IfMatch": "If-Match"}[name]
    raise UnsuitableStoreError(
        f"{endpoint} {does} conditional writes ({header}), without which two trainers would "
        "write one stage: use an S3 server that has them, or a newer release of this one",
        where=uri,
    )


def _code(error: aws.ClientError) -> str:
    return str(cast(Any, error).response["Error"].get("Code"))
