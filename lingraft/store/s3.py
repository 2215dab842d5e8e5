"""A store in an S3 bucket, any endpoint that has conditional writes (If-None-Match, If-Match).

Endpoint, region and credentials come from the standard AWS environment (`AWS_ENDPOINT_URL`,
`AWS_REGION`, profiles, web identity ...) through boto3; credentials are never logged.
API: https://docs.aws.amazon.com/AmazonS3/latest/API/ (PutObject, UploadPart, GetObject).
"""

# boto3 makes its client at run time: it is `Any`, and stays in the files s3*.py.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
import hashlib
import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from email.utils import parsedate_to_datetime
from functools import partial, wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec
from urllib.parse import urlsplit

from lingraft.errors import CredentialsError, InfrastructureError, UserError
from lingraft.limits import OBJECT_BYTES
from lingraft.store import budget, credentials
from lingraft.store.base import ArtifactStore, Conflict, ObjectInfo, checked_key
from lingraft.store.disk import CHUNK, T, disk_errors, in_order

try:
    from botocore import exceptions as aws

    from lingraft.store.s3_body import read_body
    from lingraft.store.s3_client import client, is_amazon
    from lingraft.store.s3_faults import OutOfRangeError, s3_fault
    from lingraft.store.s3_probe import probe
except ImportError as error:
    raise UserError("S3 needs boto3; install lingraft with the extra `s3`") from error

PART = 8 << 20
"""Bytes of one part of an upload; more where a file would have over 9,000 parts."""
RANGE = 32 << 20
"""Bytes of one request of a download: a request costs a server what a few MB do."""

_PARTS_AT_ONCE = 4
_tried: set[tuple[str, str]] = set()
"""Endpoints and stores that keep what writers rely on."""
P = ParamSpec("P")


def _renewing(
    call: Callable[Concatenate["S3Store", P], T],
) -> Callable[Concatenate["S3Store", P], T]:
    """Made again where credentials are refused, for as long as somebody waits for new ones."""

    @wraps(call)
    def repeated(self: "S3Store", *args: P.args, **kwargs: P.kwargs) -> T:
        began, place = time.monotonic(), (self.bucket, call.__name__)
        while True:
            try:
                answer = call(self, *args, **kwargs)
            except CredentialsError as error:
                credentials.refused(error, *place, time.monotonic() - began)
            else:
                credentials.accepted(*place)
                return answer

    return repeated


class S3Store(ArtifactStore):
    """Artifacts below a prefix of a bucket."""

    def __init__(self, bucket: str, prefix: str) -> None:
        self.bucket = bucket
        self._prefix = prefix.rstrip("/") + "/" if prefix else ""
        self.uri = f"s3://{bucket}/{self._prefix}"
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        parts = urlsplit(endpoint or "https://s3.amazonaws.com")
        self._endpoint = parts.netloc.rpartition("@")[2]
        assert self._client is not None  # what cannot be used is said at once

    @property
    def _client(self) -> Any:
        try:
            return client()
        except (aws.BotoCoreError, ValueError) as error:
            message = f"the AWS settings cannot be used ({type(error).__name__})"
            message += "; check AWS_ENDPOINT_URL, AWS_REGION and AWS_PROFILE"
            raise UserError(message, where=self.uri) from error

    @contextmanager
    def _faults(self, key: str) -> Generator[None]:
        budget.check(self.uri + key)
        try:
            yield
        except (aws.ClientError, aws.BotoCoreError) as error:
            raise s3_fault(error, self.uri + key, self._endpoint) from error

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self.bucket, "Key": self._prefix + checked_key(key)}

    def check(self) -> None:
        """Ask for one key, so that a wrong bucket or credentials show at once."""
        with self._faults(""):
            self._client.list_objects_v2(Bucket=self.bucket, Prefix=self._prefix, MaxKeys=1)

    @_renewing
    def check_writes(self) -> None:
        """See `ArtifactStore.check_writes`."""
        place = (self._endpoint, self.uri)
        if place in _tried or is_amazon(self._endpoint):
            return
        with self._faults(""):
            probe(self._client, self.bucket, self._prefix, self._endpoint)
        _tried.add(place)

    @_renewing
    def get(self, key: str, *, most: int = OBJECT_BYTES) -> tuple[bytes, str] | None:
        """See `ArtifactStore.get`."""

        def take(answer: Any) -> bytes:
            found = read_body(answer, most + 1, self.uri + key)
            if len(found) > most:
                raise self.too_large(key, answer["ContentLength"], most)
            return found

        try:
            return self._read(key, take)
        except FileNotFoundError:
            return None

    @_renewing
    def get_range(self, key: str, start: int, size: int, *, if_match: str | None = None) -> bytes:
        """See `ArtifactStore.get_range`."""
        condition = {"IfMatch": if_match} if if_match else {}
        try:
            wanted = f"bytes={start}-{start + size - 1}"
            take = partial(read_body, most=size, where=self.uri + key)
            return self._read(key, take, Range=wanted, **condition)[0]
        except OutOfRangeError:
            return b""

    def _read(self, key: str, take: Callable[[Any], T], **conditions: str) -> tuple[T, str]:
        with self._faults(key):
            # botocore repeats requests, but not the reading of an answer that breaks off.
            for last in (False, False, True):
                answer = self._client.get_object(**self._at(key), **conditions)
                try:
                    return take(answer), answer["ETag"]
                except (aws.HTTPClientError, aws.IncompleteReadError):
                    if last:
                        raise
                    budget.check(self.uri + key)
        raise AssertionError("unreachable")

    @_renewing
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

    @_renewing
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

    @_renewing
    def delete(self, key: str) -> None:
        """See `ArtifactStore.delete`."""
        with self._faults(key):
            self._client.delete_object(**self._at(key))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """See `ArtifactStore.list`."""
        after: dict[str, str] | None = {}
        while after is not None:
            found, after = self._page(prefix, after)
            yield from found

    @_renewing
    def _page(
        self, prefix: str, after: Mapping[str, str]
    ) -> tuple[Sequence[ObjectInfo], dict[str, str] | None]:
        """A thousand objects, and what to ask for the next ones with; None behind the last."""
        where = {"Bucket": self.bucket, "Prefix": self._prefix + prefix}
        with self._faults(prefix):
            page = self._client.list_objects_v2(**where, **after)
        keyed = [(one["Key"][len(self._prefix) :], one) for one in page.get("Contents", [])]
        found = [
            ObjectInfo(key, one["Size"], one["ETag"], one["LastModified"].timestamp())
            for key, one in keyed
            if key and not key.endswith("/")  # a console's marker of a folder
        ]
        more = page.get("IsTruncated")
        return found, {"ContinuationToken": page["NextContinuationToken"]} if more else None

    @_renewing
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

    @_renewing
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
                def pour(answer: Any) -> None:
                    at = start
                    for chunk in answer["Body"].iter_chunks(CHUNK):
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
