"""A cluster of IPv6 addresses only: where the operator and Ray's dashboard listen."""

import http.client
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from prometheus_client import start_http_server

from lingraft_operator.cluster import connect
from lingraft_operator.jobs.rayjob import build_rayjob
from lingraft_operator.start import waiting
from lingraft_operator.start.addresses import everywhere, url_of
from lingraft_operator.start.waiting import wait_for
from tests.cluster.bed.processes import free_ports
from tests.unit.operator.shapes import PLAIN, pool, request

V6 = {"KUBERNETES_SERVICE_HOST": "fd00:10:96::1"}
V4 = {"KUBERNETES_SERVICE_HOST": "10.96.0.1"}


def get(port: int, path: str) -> int:
    connection = http.client.HTTPConnection("::1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


def test_servers_listen_on_the_family_that_the_cluster_prefers() -> None:
    assert everywhere(V6) == "::" and everywhere(V4) == everywhere({}) == "0.0.0.0"
    assert url_of("::", 8080, "/healthz") == "http://[::]:8080/healthz"
    assert url_of("127.0.0.1", 8080, "/healthz") == "http://127.0.0.1:8080/healthz"


def test_probes_are_answered_on_ipv6_while_something_is_lacking(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waiting, "AGAIN_SECONDS", 0.001)
    (port,) = free_ports(1)

    def answers() -> Iterator[str | None]:
        yield "KubeRay"
        assert get(port, "/healthz") == 200 and get(port, "/healthz?ready") == 503
        yield None

    told = answers()
    assert wait_for(lambda: next(told), "::1", port)


def test_metrics_are_answered_on_ipv6() -> None:
    (port,) = free_ports(1)
    server, thread = start_http_server(port, addr="::1")
    try:
        assert get(port, "/metrics") == 200
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("workers", [0, 2])
def test_ray_s_dashboard_listens_there_too(workers: int) -> None:
    asked = request("embed", pool({"workers": workers}))
    plain = build_rayjob(asked, PLAIN)["spec"]["rayClusterSpec"]["headGroupSpec"]
    assert "dashboard-host" not in plain["rayStartParams"]  # KubeRay's default is IPv4's
    v6 = build_rayjob(replace(asked, everywhere="::"), PLAIN)["spec"]["rayClusterSpec"]
    assert v6["headGroupSpec"]["rayStartParams"]["dashboard-host"] == "::"


def test_the_api_server_is_asked_without_a_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = {"name": "a", "cluster": {"server": "https://[fd00:10:96::1]:443"}}
    context = {"name": "a", "context": {"cluster": "a", "user": "a"}}
    user = {"name": "a", "user": {"token": "t"}}
    content = {"clusters": [cluster], "contexts": [context], "users": [user]}
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(content | {"current-context": "a", "kind": "Config"}))
    monkeypatch.setenv("KUBECONFIG", str(file))
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(file))
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    api = connect()
    assert api.configuration.proxy is None
    assert "Proxy" not in type(api.rest_client.pool_manager).__name__
