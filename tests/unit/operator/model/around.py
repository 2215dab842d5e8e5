"""What happens in the world around."""

from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.unit.operator.model.operators import Operators
from tests.unit.operator.model.users import one_of


class Around(Operators):
    """Stores, sources, clocks, quotas, access."""

    @rule(
        what=one_of(
            *("store refuses", "store answers", "store is slow", "store is fast"),
            *("sources are away", "sources are there", "buckets are overwritten"),
            *("scores fall", "scores rise", "pods go", "garbage is collected"),
            *("clocks are slow", "clocks are fast", "clocks are right"),
            *("embed is cleaned up", "graft is cleaned up"),
            *("a corpus is late", "a corpus is there", "a quota is full", "a quota has room"),
            *("access is taken away", "access is given back"),
            *("KubeRay's CRDs are old", "KubeRay's CRDs are new"),
        )
    )
    def around(self, what: str) -> None:
        match what:
            case "store refuses" | "store answers":
                self.sim.refuse(what == "store refuses")
            case "store is slow" | "store is fast":
                self.sim.slow_seconds = 0.2 if what == "store is slow" else 0.0
            case "sources are away" | "sources are there":
                self.sim.sources_away = what == "sources are away"
            case "buckets are overwritten":
                self.sim.content += 1
            case "scores fall" | "scores rise":
                self.sim.score = 0.5 if what == "scores fall" else 0.7
            case "clocks are slow" | "clocks are fast" | "clocks are right":
                minutes = {"slow": -6, "fast": 6}.get(what.rpartition(" ")[2], 0)
                self.sim.kuberay.skew = timedelta(minutes=minutes)
            case "embed is cleaned up" | "graft is cleaned up":
                self.sim.lose_artifacts(what.partition(" ")[0])
            case "a corpus is late":
                self.sim.missing |= {"s3://corpora/sw/", "s3://corpora/fr/"}
            case "a corpus is there":
                self.sim.missing.clear()
            case "a quota is full" | "a quota has room":
                full = what == "a quota is full"
                self.sim.kuberay.refused = "pods are forbidden: exceeded quota" if full else ""
            case "access is taken away" | "access is given back":
                given = what == "access is given back"
                access = self.sim.healthy.access if given else ()
                self.sim.configure(self.sim.healthy.model_copy(update={"access": access}))
            case "KubeRay's CRDs are old" | "KubeRay's CRDs are new":
                self.sim.old_kuberay = what.endswith("old")
            case "pods go":
                self.sim.kuberay.pods_go()
            case _:
                self.sim.api.collect_garbage()

    @rule(kind=one_of("corpus", "finetune"), invalid=st.sampled_from([None, True, False]))
    def rayjobs_are_refused(self, kind: str, invalid: bool | None) -> None:
        self.sim.refused.pop(kind, None)
        if invalid is not None:
            self.sim.refused[kind] = invalid
