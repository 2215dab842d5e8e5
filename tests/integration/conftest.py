"""Fixtures that every integration test may ask for."""

from tests.integration.seaweed import s3, s3_server

__all__ = ["s3", "s3_server"]
