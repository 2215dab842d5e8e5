"""boto3's client for S3, made anew when the settings or the credentials change."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
import threading
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import boto3.session
from botocore.config import Config

from lingraft.store import credentials

_making_client = threading.Lock()
"""Threads that all start at once make one client, not one each: it takes 15 MB."""


@lru_cache(maxsize=8)
def _made_for(settings: credentials.Settings) -> Any:
    """The client for these settings: 50 ms to make, safe to share between threads."""
    given = dict(settings)
    endpoint = given.get("AWS_ENDPOINT_URL_S3") or given.get("AWS_ENDPOINT_URL") or ""
    host = urlsplit(endpoint).hostname or "s3.amazonaws.com"
    # Endpoints other than Amazon's rarely have a DNS name per bucket.
    amazon = is_amazon(host)
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
    return _session(given).client("s3", region_name=region, config=config)


def is_amazon(host: str) -> bool:
    """Whether a host, with or without a port, is one of Amazon's."""
    return host.partition(":")[0].endswith((".amazonaws.com", ".amazonaws.com.cn"))


def _session(given: Mapping[str, str]) -> boto3.session.Session:
    """One with the keys that are given; without such by AWS's own rules."""
    key, secret, token = (given.get(name) for name in credentials.KEYS)
    if key is None or secret is None:
        return boto3.session.Session()
    return boto3.session.Session(
        aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=token
    )


def client() -> Any:
    """The client for the settings and credentials as they are now.

    Raises:
        botocore's BotoCoreError, ValueError: They cannot be used.
    """
    with _making_client:
        return _made_for(credentials.settings())
