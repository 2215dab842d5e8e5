"""What is around copies of the operator: an API server, KubeRay, stores, a clock."""

from collections import Counter
from collections.abc import Callable
from itertools import count

from lingraft.errors import InfrastructureError, UserError
from lingraft.sources import pin
from lingraft.stage import Source
from lingraft.store import budget
from lingraft_operator.config import Config
from lingraft_operator.status.events import Note
from lingraft_operator.world import Key
from tests.support.operator.api_server import ApiServer, Body
from tests.support.operator.checks import Checks
from tests.support.operator.clock import Clock
from tests.support.operator.copy import OperatorCopy
from tests.support.operator.fake_cluster import Crash
from tests.support.operator.kuberay import KubeRay
from tests.support.operator.memory_store import MemoryStore
from tests.support.operator.settings import config

BASE_CONFIG = (
    b'{"model_type": "bert", "num_hidden_layers": 12, "hidden_size": 768, "vocab_size": 30522,'
    b' "intermediate_size": 3072, "max_position_embeddings": 512,'
    b' "architectures": ["BertForMaskedLM"]}'
)


class Surroundings:
    """Everything around one or more copies of the operator."""

    def __init__(self, settings: Config | None = None) -> None:
        self.config = self.healthy = settings or config()
        self.clock = Clock()
        self.api = ApiServer(self.clock)
        self.stores: dict[str, MemoryStore] = {}
        self.kuberay = KubeRay(self.api, self.clock, self.store_at)
        self.checks = Checks(self)
        self.notes: list[tuple[Key, Note]] = []
        self.refused: dict[str, bool] = {}
        """Kinds of stages whose RayJobs are not taken, and whether they never will be."""
        self.old_kuberay = False
        """Whether KubeRay's CRDs lack a field of ours."""
        self.events: dict[str, list[Body]] = {}
        """What the kubelet and KubeRay tell of an object, by its uid."""
        self.missing: set[str] = set()
        """URIs where nothing is."""
        self.leases: dict[str, Body] = {}
        """By namespace."""
        self.deadly: set[Key] = set()
        """Resources that kill the operator as soon as it reads their store."""
        self.sources_away = False
        self.content = 0
        """Changes what stands behind every URI."""
        self.uploads = Counter[str]()
        """By URI: how often something else was put there."""
        self.score = 0.7
        self.slow_seconds = 0.0
        self.reads = 0
        self.interrupts: list[tuple[int, Callable[[], None]]] = []
        self._interrupting = False
        self._holders = count()
        self.copies: list[OperatorCopy] = []

    def store_at(self, uri: str) -> MemoryStore:
        return self.stores.setdefault(uri, MemoryStore(uri, self._store_read, self.clock.monotonic))

    def open_store(self, uri: str) -> MemoryStore:
        store = self.store_at(uri)
        store.get("open")
        return store

    def done(self) -> set[tuple[str, str]]:
        """(store, `<kind>/<digest>`) of every manifest there is."""
        suffix = "/manifest.json"
        return {
            (uri, key.removesuffix(suffix))
            for uri, store in self.stores.items()
            for key in store.everything()
            if key.endswith(suffix)
        }

    def _store_read(self) -> None:
        self.reads += 1
        if any(copy.working_on in self.deadly for copy in self.copies):
            raise Crash
        if any(copy.busy for copy in self.copies) and not self._interrupting:
            self.clock.advance(self.slow_seconds)
            self.moment()

    def _base(self, uri: str) -> MemoryStore:
        store = MemoryStore(uri, lambda: None)
        store.put("config.json", BASE_CONFIG)
        store.refusing = self.sources_away
        return store

    def _fingerprint(self, uri: str, reads: str) -> Source:
        budget.check(uri)
        if self.sources_away:
            raise InfrastructureError("the endpoint does not answer", where=uri)
        if uri in self.missing:
            raise UserError("nothing is there", where=uri)
        return pin(
            uri,
            [("text.txt", 10_000_000, f"etag:{uri}{reads}{self.content}{self.uploads[uri]}")],
            reads,
        )

    def moment(self) -> None:
        if self._interrupting:
            return
        self.interrupts = [(left - 1, what) for left, what in self.interrupts]
        ready = [what for left, what in self.interrupts if left < 0]
        self.interrupts = [one for one in self.interrupts if one[0] >= 0]
        self._interrupting = True
        try:
            for what in ready:
                what()
        finally:
            self._interrupting = False
