"""What botocore raises, as one sentence of one of our classes.

API: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from typing import Any, cast

from botocore import exceptions as aws

from lingraft.errors import CredentialsError, InfrastructureError, OutsideError, UserError
from lingraft.store.base import Conflict

_REFUSED = {
    "403", "AccessDenied", "AllAccessDisabled", "ExpiredToken", "ExpiredTokenException",
    "InvalidAccessKeyId", "InvalidIdentityToken", "InvalidToken", "SignatureDoesNotMatch",
    "TokenRefreshRequired",
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
            return OutsideError(
                f"{endpoint} has no such bucket; create it, or correct it", where=uri
            )
        if code in _REFUSED:
            return CredentialsError(
                f"{endpoint} refuses these credentials ({code} at {during}); check "
                "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and what they are allowed in this bucket",
                where=uri,
            )
        if code in _REGION:
            return OutsideError(
                f"the bucket is in another region ({code}); set AWS_REGION", where=uri
            )
        if code == "RequestTimeTooSkewed":
            return CredentialsError("this machine's clock is wrong; set it", where=uri)
        message = f"{endpoint} failed at {during} ({code}: {said})"
        return InfrastructureError(message, where=uri)
    if isinstance(error, (aws.NoCredentialsError, aws.PartialCredentialsError)):
        message = "no S3 credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile"
        return CredentialsError(message, where=uri)
    if isinstance(error, (aws.SSOError, aws.TokenRetrievalError)):
        message = "the login of this AWS profile is over; log in again (aws sso login)"
        return CredentialsError(message, where=uri)
    kind = type(error).__name__
    if isinstance(error, aws.ParamValidationError):
        return UserError("S3 takes no such bucket or key; correct the URI", where=uri)
    # Refused, timed out, broken off, TLS; a metadata or token service that does not answer.
    message = f"{endpoint} does not answer ({kind}); check AWS_ENDPOINT_URL and the network"
    return InfrastructureError(message, where=uri)
