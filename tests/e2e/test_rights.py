"""Rights are tested by trying what must fail."""

import boto3
import urllib3

from tests.cluster.bed.adaptations import SECRET, Adaptations
from tests.cluster.bed.api import Api, ApiError
from tests.cluster.bed.chart import NAMESPACE, RELEASE
from tests.cluster.bed.processes import wait_until
from tests.e2e.bed.bed import S3_METRICS, Bed
from tests.e2e.bed.release import Release

FORBIDDEN = "forbidden"


def refused(api: Api, path: str) -> bool:
    """Whether reading is forbidden."""
    try:
        api.get(path)
    except ApiError as error:
        return error.code == 403
    return False


def test_another_namespace_cannot_read_the_stores_secret(
    bed: Bed, adaptations: Adaptations
) -> None:
    bed.cluster.namespace("elsewhere")
    stranger = bed.cluster.service_account("elsewhere", "default")
    assert refused(stranger, f"/api/v1/namespaces/{adaptations.namespace}/secrets/{SECRET}")
    assert bed.api.get(f"/api/v1/namespaces/{adaptations.namespace}/secrets/{SECRET}")


def test_the_operator_cannot_read_any_secret(bed: Bed, adaptations: Adaptations) -> None:
    operator = bed.cluster.service_account(NAMESPACE, RELEASE)
    assert operator.list(adaptations.path()) is not None, "it can do what it has to"
    for namespace in (adaptations.namespace, NAMESPACE, "kuberay", "default"):
        assert refused(operator, f"/api/v1/namespaces/{namespace}/secrets")
        assert refused(operator, f"/api/v1/namespaces/{namespace}/secrets/{SECRET}")
    assert refused(operator, "/api/v1/secrets")


def test_a_uri_outside_of_the_allow_list_is_never_asked_for(
    bed: Bed, adaptations: Adaptations, release: Release
) -> None:
    client = boto3.client("s3", endpoint_url=bed.s3.endpoint, region_name="us-east-1")
    client.create_bucket(Bucket=FORBIDDEN)
    client.put_object(Bucket=FORBIDDEN, Key="fr.txt", Body=b"bonjour")
    before = requests_to(FORBIDDEN)
    assert before, "SeaweedFS counts requests"
    adaptations.create("prying", corpus={"uri": f"s3://{FORBIDDEN}/fr.txt"})

    def stalled() -> bool:
        conditions = adaptations.get("prying").get("status", {}).get("conditions", [])
        return any(one["type"] == "Stalled" and one["status"] == "True" for one in conditions)

    wait_until(stalled, "it is Stalled")
    assert requests_to(FORBIDDEN) == before
    adaptations.delete("prying")


def requests_to(bucket: str) -> dict[str, str]:
    """How many requests of each kind SeaweedFS has had for a bucket."""
    text = urllib3.request("GET", f"{S3_METRICS}/metrics", timeout=10).data.decode()
    counters = (line.rpartition(" ") for line in text.splitlines())
    name = "SeaweedFS_s3_request_total"
    wanted = f'bucket="{bucket}"'
    return {key: value for key, _, value in counters if key.startswith(name) and wanted in key}
