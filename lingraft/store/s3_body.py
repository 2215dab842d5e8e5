"""The body of an answer, read so that neither its length nor its pace is the server's to choose."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
from typing import Any

from botocore import exceptions as aws
from urllib3 import exceptions as http

from lingraft.store import budget
from lingraft.store.disk import CHUNK


def read_body(answer: Any, most: int, where: str) -> bytes:
    """Up to `most` bytes of an answer of botocore's; the rest is left with its connection.

    Args:
        answer: To GetObject.
        most: Bytes.
        where: URI of the object, for errors.

    Raises:
        InfrastructureError: The time that is allowed is over, however fast bytes drip in.
        botocore's HTTPClientError, IncompleteReadError: The answer broke off.
    """
    found, announced = bytearray(), int(answer["ContentLength"])
    with answer["Body"] as raw:
        while len(found) < min(most, announced):
            if (seconds := budget.left()) is not None:
                answer["Body"].set_socket_timeout(seconds)
            try:
                # What there is: `read` would wait for all that was asked for.
                data = raw.read1(min(CHUNK, most - len(found)))
            except http.ReadTimeoutError as error:
                raise aws.ReadTimeoutError(endpoint_url=where, error=error) from error
            except http.ProtocolError as error:
                raise aws.ResponseStreamingError(error=error) from error
            if not data:
                break
            found += data
            budget.check(where)
    if len(found) < min(most, announced):
        raise aws.IncompleteReadError(actual_bytes=len(found), expected_bytes=announced)
    return bytes(found)
