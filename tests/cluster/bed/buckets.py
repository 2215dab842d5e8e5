"""The buckets that examples name, on the tests' S3 server."""

import boto3

from tests.integration.seaweed import Seaweed

BUCKETS = ("models", "corpora", "tasks")


def make_buckets(s3: Seaweed) -> None:
    """Make those that another test has not made yet."""
    client = boto3.client("s3", endpoint_url=s3.endpoint, region_name="us-east-1")
    there = {bucket.get("Name", "") for bucket in client.list_buckets()["Buckets"]}
    for bucket in sorted(set(BUCKETS) - there):
        client.create_bucket(Bucket=bucket)
