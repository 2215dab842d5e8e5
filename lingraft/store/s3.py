"""A store in an S3 bucket, any endpoint that has conditional writes (If-None-Match, If-Match).

Endpoint, region and credentials come from the standard AWS environment (`AWS_ENDPOINT_URL`,
`AWS_REGION`, profiles, web identity ...) through boto3; credentials are never logged.
API: https://docs.aws.amazon.com/AmazonS3/latest/API/ (PutObject, UploadPart, GetObject).
"""

# boto3 makes its client at run time: it is `Any`, and stays in this file.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
import hashlib
import os
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from email.utils import parsedate_to_datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from lingraft.errors import CredentialsError, InfrastructureError, UserError
from lingraft.store.base import ArtifactStore, Conflict, ObjectInfo, checked_key
from lingraft.store.disk import CHUNK, T, disk_errors, in_order

try:
    import boto3.session
    from botocore import exceptions as aws
    from botocore.config import Config
except ImportError as error:
    raise UserError("S3 needs boto3; install lingraft with the extra `s3`") from error

PART = 8 << 20
"""Bytes of one part of an upload; more where a file would have over 9,000 parts."""
RANGE = 32 << 20
"""Bytes of one request of a download: a request costs a server what a few MB do."""

_PARTS_AT_ONCE = 4
_REFUSED = {
    "403", "AccessDenied", "AllAccessDisabled", "ExpiredToken", "InvalidAccessKeyId",
    "InvalidToken", "SignatureDoesNotMatch", "TokenRefreshRequired",
}  # fmt: skip
_CONFLICT = {"412", "PreconditionFailed", "ConditionalRequestConflict"}
_REGION = {"301", "PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraint"}


class OutOfRangeError(InfrastructureError):
    """An object ends before the range that was asked for."""


def s3_fault(error: Exception, uri: str, endpoint: str) -> Exception:
    """The one sentence for what botocore raised; never its text where that may hold a secret."""
    if isinstance(error, aws.ClientError):
        fault = cast(Any, error)
        during, answer = str(fault.operation_name), fault.response
        code, said = str(answer["Error"].get("Code")), str(answer["Error"].get("Message"))
        if code in ("404", "NoSuchKey"):
            return FileNotFoundError(uri)
        if code in ("416", "InvalidRange"):
            return OutOfRangeError("this object ends before that range", where=uri)
        if code in _CONFLICT:
            return Conflict("this object changed meanwhile", where=uri)
        if code == "NoSuchBucket":
            return UserError(f"{endpoint} has no such bucket; create it, or correct it", where=uri)
        if code in _REFUSED:
            return CredentialsError(
                f"{endpoint} refuses these credentials ({code} at {during}); check "
                "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and what they are allowed in this bucket",
                where=uri,
            )
        if code in _REGION:
            return UserError(f"the bucket is in another region ({code}); set AWS_REGION", where=uri)
        if code == "RequestTimeTooSkewed":
            return CredentialsError("this machine's clock is wrong; set it", where=uri)
        message = f"{endpoint} failed at {during} ({code}: {said})"
        return InfrastructureError(message, where=uri)
    if isinstance(error, (aws.NoCredentialsError, aws.PartialCredentialsError)):
        message = "no S3 credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile"
        return CredentialsError(message, where=uri)
    kind = type(error).__name__
    if isinstance(error, aws.ParamValidationError):
        return UserError("S3 takes no such bucket or key; correct the URI", where=uri)
    # Refused, timed out, broken off, TLS; a metadata or token service that does not answer.
    message = f"{endpoint} does not answer ({kind}); check AWS_ENDPOINT_URL and the network"
    return InfrastructureError(message, where=uri)


_making_client = threading.Lock()
"""Threads that all start at once make one client, not one each: it takes 15 MB."""


def _settings() -> Iterator[tuple[str, str]]:
    return ((k, v) for k, v in os.environ.items() if k.startswith("AWS_"))


@lru_cache(maxsize=8)
def _client(settings: tuple[tuple[str, str], ...]) -> Any:
    """The client for the AWS environment: 50 ms to make, safe to share between threads."""
    given = dict(settings)
    endpoint = given.get("AWS_ENDPOINT_URL_S3") or given.get("AWS_ENDPOINT_URL") or ""
    host = urlsplit(endpoint).hostname or "s3.amazonaws.com"
    # Endpoints other than Amazon's rarely have a DNS name per bucket.
    amazon = host.endswith((".amazonaws.com", ".amazonaws.com.cn"))
    config = Config(
        retries={
            "mode": "standard",
            "total_max_attempts": int(given.get("AWS_MAX_ATTEMPTS", "8")),  # up to 1 min
        },
        connect_timeout=10,
        max_pool_connections=32,
        s3={"addressing_style": "auto" if amazon else "path"},
    )
    # AWS's other SDKs read AWS_REGION; boto3 alone only AWS_DEFAULT_REGION.
    region = given.get("AWS_REGION") or given.get("AWS_DEFAULT_REGION")
    return boto3.session.Session().client("s3", region_name=region, config=config)


class S3Store(ArtifactStore):
    """Artifacts below a prefix of a bucket."""

    def __init__(self, bucket: str, prefix: str) -> None:
        self._bucket = bucket
        self._prefix = prefix.rstrip("/") + "/" if prefix else ""
        self.uri = f"s3://{bucket}/{self._prefix}"
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        parts = urlsplit(endpoint or "https://s3.amazonaws.com")
        self._endpoint = parts.netloc.rpartition("@")[2]
        try:
            with _making_client:
                self._client: Any = _client(tuple(sorted(_settings())))
        except (aws.BotoCoreError, ValueError) as error:
            message = f"the AWS settings cannot be used ({type(error).__name__})"
            message += "; check AWS_ENDPOINT_URL, AWS_REGION and AWS_PROFILE"
            raise UserError(message, where=self.uri) from error

    @contextmanager
    def _faults(self, key: str) -> Generator[None]:
        try:
            yield
        except (aws.ClientError, aws.BotoCoreError) as error:
            raise s3_fault(error, self.uri + key, self._endpoint) from error

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._prefix + checked_key(key)}

    def check(self) -> None:
        """Ask for one key, so that a wrong bucket or credentials show at once."""
        with self._faults(""):
            self._client.list_objects_v2(Bucket=self._bucket, Prefix=self._prefix, MaxKeys=1)

    def get(self, key: str) -> tuple[bytes, str] | None:
        """See `ArtifactStore.get`."""
        try:
            return self._read(key, lambda body: body.read())
        except FileNotFoundError:
            return None

    def get_range(self, key: str, start: int, size: int, *, if_match: str | None = None) -> bytes:
        """See `ArtifactStore.get_range`."""
        condition = {"IfMatch": if_match} if if_match else {}
        try:
            wanted = f"bytes={start}-{start + size - 1}"
            return self._read(key, lambda body: body.read(), Range=wanted, **condition)[0]
        except OutOfRangeError:
            return b""

    def _read(self, key: str, take: Callable[[Any], T], **conditions: str) -> tuple[T, str]:
        with self._faults(key):
            # botocore repeats requests, but not the reading of an answer that breaks off.
            for last in (False, False, True):
                answer = self._client.get_object(**self._at(key), **conditions)
                try:
                    return take(answer["Body"]), answer["ETag"]
                except (aws.HTTPClientError, aws.IncompleteReadError):
                    if last:
                        raise
        raise AssertionError("unreachable")

    def put(
        self, key: str, data: bytes, *, if_absent: bool = False, if_match: str | None = None
    ) -> str:
        """See `ArtifactStore.put`."""
        condition = {"IfNoneMatch": "*"} if if_absent else {"IfMatch": if_match} if if_match else {}
        try:
            with self._faults(key):
                return self._client.put_object(**self._at(key), Body=data, **condition)["ETag"]
        except FileNotFoundError as error:  # AWS's answer to If-Match where there is nothing
            raise Conflict("this object changed meanwhile", where=self.uri + key) from error

    def age(self, key: str, *, if_match: str) -> float:
        """See `ArtifactStore.age`: both times are of one answer, in whole seconds."""
        changed = Conflict("this object changed meanwhile", where=self.uri + key)
        try:
            with self._faults(key):
                head = self._client.head_object(**self._at(key))
        except FileNotFoundError as error:
            raise changed from error
        if head["ETag"] != if_match:
            raise changed
        said = head["ResponseMetadata"]["HTTPHeaders"].get("date")
        if said is None:
            message = (
                f"{self._endpoint} answers without a Date, which leases need; use a server or "
            )
            raise InfrastructureError(message + "proxy that sends it", where=self.uri + key)
        now = parsedate_to_datetime(said)
        return max(0.0, (now - head["LastModified"]).total_seconds())

    def delete(self, key: str) -> None:
        """See `ArtifactStore.delete`."""
        with self._faults(key):
            self._client.delete_object(**self._at(key))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """See `ArtifactStore.list`."""
        with self._faults(prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix + prefix
            )
            for page in pages:
                for entry in page.get("Contents", []):
                    key = entry["Key"][len(self._prefix) :]
                    if key and not key.endswith("/"):  # a console's marker of a folder
                        when = entry["LastModified"].timestamp()
                        yield ObjectInfo(key, entry["Size"], entry["ETag"], when)

    def put_file(self, key: str, local: Path) -> tuple[int, str]:
        """See `ArtifactStore.put_file`; files above one part go up in parallel parts."""
        size = local.stat().st_size
        part = max(PART, -(-size // 9000))
        digest, sent = hashlib.sha256(), 0
        with local.open("rb") as stream, self._faults(key):
            if size <= part:
                data = stream.read()
                self._client.put_object(**self._at(key), Body=data)
                return len(data), hashlib.sha256(data).hexdigest()
            upload = self._client.create_multipart_upload(**self._at(key))["UploadId"]
            target = {**self._at(key), "UploadId": upload}

            def send(number: int, data: bytes) -> dict[str, object]:
                answer = self._client.upload_part(**target, PartNumber=number, Body=data)
                # The checksum's name is the endpoint's choice; the part list must repeat it.
                sums = {k: v for k, v in answer.items() if k.startswith("Checksum")}
                return {"PartNumber": number, "ETag": answer["ETag"], **sums}

            try:
                parts: list[Future[dict[str, object]]] = []
                with ThreadPoolExecutor(_PARTS_AT_ONCE) as pool:
                    while data := stream.read(part):
                        digest.update(data)
                        sent += len(data)
                        if len(parts) >= _PARTS_AT_ONCE:  # bounds what is in memory
                            parts[-_PARTS_AT_ONCE].result()
                        parts.append(pool.submit(send, len(parts) + 1, data))
                done = {"Parts": [p.result() for p in parts]}
                self._client.complete_multipart_upload(**target, MultipartUpload=done)
            except BaseException:
                with suppress(aws.ClientError, aws.BotoCoreError):
                    self._client.abort_multipart_upload(**target)
                raise
        return sent, digest.hexdigest()

    def get_file(self, key: str, local: Path, *, if_match: str | None = None) -> tuple[int, str]:
        """See `ArtifactStore.get_file`; all ranges are of one version of the object."""
        with self._faults(key):
            head = self._client.head_object(**self._at(key))
        size, etag = head["ContentLength"], head["ETag"]
        if if_match not in (None, etag):
            raise Conflict("this object changed meanwhile", where=self.uri + key)
        digest, hashed = hashlib.sha256(), 0
        # Unbuffered: reading ahead would see what is not written yet.
        with disk_errors(local), local.open("w+b", buffering=0) as target:

            def fetch(start: int) -> None:
                def pour(body: Any) -> None:
                    at = start
                    for chunk in body.iter_chunks(CHUNK):
                        left = memoryview(chunk)
                        while left:  # a full disk may take a part of it before it says so
                            written = os.pwrite(target.fileno(), left, at)
                            left, at = left[written:], at + written

                self._read(key, pour, Range=f"bytes={start}-{start + RANGE - 1}", IfMatch=etag)

            # Hashed in order while later ranges arrive: what was just written is in memory.
            with closing(in_order(fetch, range(0, size, RANGE), _PARTS_AT_ONCE)) as written:
                for _ in written:
                    end = min(hashed + RANGE, size)
                    while data := target.read(min(CHUNK, end - hashed)):
                        digest.update(data)
                        hashed += len(data)
        return hashed, digest.hexdigest()

    def local_path(self, key: str) -> Path | None:
        """See `ArtifactStore.local_path`: an S3 object is nowhere here."""
        return None
