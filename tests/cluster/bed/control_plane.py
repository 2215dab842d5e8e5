"""A real control plane: etcd, kube-apiserver, controller-manager, scheduler."""

import json
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import urllib3

from tests.cluster.bed import certificates
from tests.cluster.bed.api import Api, ApiError, Object
from tests.cluster.bed.processes import Process, free_ports, start, wait_until
from tests.cluster.bed.settings import AUDIT_POLICY, CLIENT, NODE_SILENCE, USERS, api_server_flags
from tools.kube.build import binary


class ControlPlane:
    """A running control plane. Everything lies in `folder`; `stop` ends it all.

    Attributes:
        admin: A client that may do everything.
        folder: Logs (`<part>.log`), `audit.log`, certificates, kubeconfigs, etcd's data.
        server: The API server's URL; it stays over restarts.
    """

    def __init__(self, address: str = "127.0.0.1") -> None:
        """Start nothing yet.

        Args:
            address: The API server's, of this machine; real nodes need one that they can reach.
        """
        self.folder = Path(tempfile.mkdtemp(prefix="lingraft-cluster-"))
        certificates.write(self.folder, address)
        tokens = {user: secrets.token_hex(16) for user in USERS}
        self._write_settings(tokens)
        etcd, peer, port = free_ports(3)
        self.server = f"https://{address}:{port}"
        self._etcd_ports, self._address, self._port = (etcd, peer), address, port
        self._parts: dict[str, Process] = {}
        self.users = {u: Api(self.server, self.folder / "ca.crt", t) for u, t in tokens.items()}
        self.admin = self.users["admin"]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *reason: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start every part and wait until the default namespace can take pods.

        Raises:
            RuntimeError: Something did not come up; the end of its log is in the message.
            Missing: A binary is not there.
        """
        try:
            self._start_etcd()
            self.start_api_server()
            self._start_controllers()
            self._start_scheduler()
            wait_until(
                lambda: self.admin.find("/api/v1/namespaces/default/serviceaccounts/default"),
                "the controller-manager makes service accounts",
                *self._parts.values(),
            )
        except BaseException:
            self.stop(keep=True)
            raise

    def stop(self, *, keep: bool = False) -> None:
        """End everything; the folder goes too unless it is to be kept."""
        for name in reversed(list(self._parts)):
            self._parts.pop(name).kill()  # nothing is worth a polite end: the data goes too
        if not keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def processes(self) -> list[Process]:
        """The parts that were started, for measuring and for killing."""
        return list(self._parts.values())

    def process(self, name: str) -> Process:
        """One part by its binary's name."""
        return self._parts[name]

    def restart_api_server(self) -> None:
        """SIGKILL the API server and start it again on the same port."""
        self.stop_api_server()
        self.start_api_server()

    def stop_api_server(self) -> None:
        """SIGKILL the API server; the cluster has none until `start_api_server`."""
        self._parts.pop("kube-apiserver").kill()

    def restart_controllers(self) -> None:
        """Start the controller-manager anew: its garbage collector knows new CRDs at once.

        By itself it looks for them every 30 s, and until then deletes nothing of theirs.
        """
        self._parts.pop("kube-controller-manager").kill()
        self._start_controllers()

    def restart_scheduler(self) -> None:
        """Start the scheduler anew: it knows at once what is there."""
        self._parts.pop("kube-scheduler").kill()
        self._start_scheduler()

    def kubeconfig(self, user: str = "admin") -> Path:
        """A kubeconfig of a user of the token file."""
        return self.users[user].kubeconfig(self.folder / f"{user.replace(':', '-')}.kubeconfig")

    def service_account(self, namespace: str, name: str, hours: int = 2) -> Api:
        """A client with a fresh token of a ServiceAccount, which must exist."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        request = {"spec": {"expirationSeconds": hours * 3600}}
        token = self.admin.create(path, request)["status"]["token"]
        return Api(self.server, self.folder / "ca.crt", token)

    def service_account_kubeconfig(self, namespace: str, name: str) -> Path:
        """The same as a kubeconfig, for a process that runs as that ServiceAccount."""
        file = self.folder / f"{namespace}-{name}.kubeconfig"
        return self.service_account(namespace, name).kubeconfig(file)

    def kubectl(self, *arguments: str, user: str = "admin", stdin: str = "") -> str:
        """What kubectl writes to stdout.

        Raises:
            subprocess.CalledProcessError: It failed; `.stderr` says why.
        """
        command = [str(binary("kubectl")), f"--kubeconfig={self.kubeconfig(user)}", *arguments]
        return subprocess.run(
            command, input=stdin, capture_output=True, text=True, check=True, timeout=120
        ).stdout

    def audit(self) -> Iterator[Object]:
        """Every request so far: `user.username`, `verb`, `objectRef`, `responseStatus.code`."""
        log = self.folder / "audit.log"
        with log.open() as lines:
            for line in lines:
                with suppress(ValueError):  # a line that is being written
                    yield json.loads(line)

    def namespace(self, name: str) -> str:
        """Make a namespace, and wait until pods can be made in it."""
        self.admin.create("/api/v1/namespaces", {"metadata": {"name": name}})
        account = f"/api/v1/namespaces/{name}/serviceaccounts/default"
        wait_until(lambda: self.admin.find(account), f"namespace {name}", *self.processes)
        return name

    def _write_settings(self, tokens: dict[str, str]) -> None:
        rows = [f'{token},{user},{user},"{USERS[user]}"\n' for user, token in tokens.items()]
        (self.folder / "users.csv").write_text("".join(rows))
        (self.folder / "users.csv").chmod(0o600)
        (self.folder / "audit-policy.json").write_text(json.dumps(AUDIT_POLICY))

    def _start(self, name: str, **flags: Any) -> Process:
        options = [f"--{key.replace('_', '-')}={value}" for key, value in flags.items()]
        log = self.folder / f"{name}.log"
        self._parts[name] = start(name, [binary(name), *options], log, folder=self.folder)
        return self._parts[name]

    def _start_etcd(self) -> None:
        client, peer = (f"http://127.0.0.1:{port}" for port in self._etcd_ports)
        etcd = self._start(
            "etcd",
            data_dir=self.folder / "etcd",
            listen_client_urls=client,
            advertise_client_urls=client,
            listen_peer_urls=peer,
            initial_advertise_peer_urls=peer,
            initial_cluster=f"default={peer}",
            unsafe_no_fsync="true",
            log_level="warn",
            quota_backend_bytes=4 << 30,
        )
        pool = urllib3.PoolManager(retries=False, timeout=2)

        def healthy() -> bool:
            try:
                return pool.request("GET", f"{client}/health").status == 200
            except urllib3.exceptions.HTTPError:
                return False

        wait_until(healthy, "etcd", etcd)

    def start_api_server(self) -> None:
        """Start the API server and wait until it is ready."""
        server = self._start(
            "kube-apiserver",
            **api_server_flags(self.folder, self._etcd_ports[0], self._address, self._port),
        )
        wait_until(self._ready, "the API server", server, *self._parts.values())

    def _ready(self) -> bool:
        try:
            self.admin.request("GET", "/readyz")
        except (ApiError, urllib3.exceptions.HTTPError):
            return False
        return True

    def _start_controllers(self) -> None:
        self._start(
            "kube-controller-manager",
            kubeconfig=self.kubeconfig("system:kube-controller-manager"),
            service_account_private_key_file=self.folder / "tokens.key",
            root_ca_file=self.folder / "ca.crt",
            use_service_account_credentials="true",
            node_monitor_grace_period=NODE_SILENCE,
            **CLIENT,
        )

    def _start_scheduler(self) -> None:
        self._start("kube-scheduler", kubeconfig=self.kubeconfig("system:kube-scheduler"), **CLIENT)
