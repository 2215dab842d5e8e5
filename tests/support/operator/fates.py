"""What befalls RayJobs, trainers and artifacts in the simulated world."""

from contextlib import suppress
from typing import Any

from lingraft_operator.cluster import Conflict
from tests.support.operator.api_server import KINDS, RAYJOB, Backup, Body
from tests.support.operator.checks import stage_of
from tests.support.operator.copy import OperatorCopy
from tests.support.operator.kuberay import ref_of, spec_of
from tests.support.operator.publisher import publish
from tests.support.operator.settings import STORE
from tests.support.operator.trainer import Outcome, Trainer
from tests.support.operator.users import Users


class Fates(Users):
    """What goes well or wrong with what runs."""

    def rayjobs(self, stage: str = "") -> list[Body]:
        """Those there are, whose stage begins with some text."""
        return [body for body in self.kuberay.rayjobs() if stage_of(body).startswith(stage)]

    def working(self) -> list[Body]:
        """Those whose trainers are at work."""
        found = [(body, self.kuberay.trainer_of(body)) for body in self.rayjobs()]
        return [body for body, trainer in found if trainer is not None and trainer.alive]

    def finish(self, rayjob: Body, outcome: Outcome) -> None:
        trainer = self.kuberay.trainer_of(rayjob)
        if trainer is None or not trainer.alive:
            return
        self.kuberay.finish(rayjob, outcome, self.metrics(rayjob))
        if outcome in ("killed", "outside") or trainer.exit_code == 1:
            self.checks.blamed.add(stage_of(rayjob))
        if outcome in ("user", "infrastructure", "resource") and trainer.reported:
            self.checks.trainer_failed(rayjob, trainer.reported)

    def _blame(self, rayjob: Body) -> None:
        self.checks.blamed.add(stage_of(rayjob))

    def vanish(self, rayjob: Body) -> None:
        """Somebody deletes it by hand."""
        self._blame(rayjob)
        self.checks.excused.add(rayjob["metadata"]["uid"])
        with suppress(Conflict):
            self.api.delete(ref_of(RAYJOB, rayjob))

    def misreport(self, rayjob: Body, end: str) -> None:
        """KubeRay says that it is over, and its pods are still there."""
        self._blame(rayjob)
        job = "SUCCEEDED" if end == "Complete" else "FAILED"
        self.kuberay.mark(ref_of(RAYJOB, rayjob), end, job)

    def silence(self, rayjob: Body) -> None:
        """The trainer hangs."""
        self._blame(rayjob)
        self.kuberay.trainers[rayjob["metadata"]["uid"]].mute = True

    def cut_off(self, rayjob: Body) -> None:
        """Its node cannot be reached: the pod never goes, and its trainer goes on."""
        self._blame(rayjob)
        self.kuberay.lost.add(rayjob["metadata"]["uid"])

    def lose_node(self, rayjob: Body) -> None:
        """The pod never goes, and its trainer is never heard of again."""
        self.cut_off(rayjob)
        self.silence(rayjob)

    def trouble(self, rayjob: Body, status: dict[str, Any]) -> None:
        """Give its pod a status."""
        self._blame(rayjob)
        self.kuberay.set_pod(rayjob, status)

    def refuse(self, refusing: bool) -> None:
        """The store answers nobody, or everybody again; whoever runs may fail from it."""
        self.store_at(STORE).refusing = refusing
        self.checks.everybody_blamed |= refusing

    def lose_artifacts(self, kind: str) -> None:
        """Somebody cleans the store of all stages of a kind that are done."""
        for uri, ref in self.done():
            if ref.startswith(f"{kind}/"):
                self.checks.lost.add(ref)
                self.stores[uri].lose(f"{ref}/manifest.json")

    def start_local_run(self, rayjob: Body, holder: str) -> None:
        """The stage is run somewhere else too."""
        local = spec_of(rayjob).model_copy(update={"holder": holder, "superseded": ()})
        self.kuberay.trainers[holder] = Trainer(
            local, self.store_at(local.store), self.clock, self.kuberay.skew
        )
        self.kuberay.trainers[holder].start()

    def end_local_runs(self, outcome: Outcome) -> bool:
        """Runs on somebody's own machine end; whether there were any."""
        found = [t for name, t in self.kuberay.trainers.items() if name.startswith("laptop")]
        working = [trainer for trainer in found if trainer.alive]
        for trainer in working:
            trainer.finish(outcome, {})
        return bool(working)

    def metrics(self, rayjob: Body) -> dict[str, Any]:
        """What a graft says of the tasks; a version is published where that is the stage."""
        trainer = self.kuberay.trainer_of(rayjob)
        if trainer is not None and trainer.spec.stage.kind == "publish":
            stage = trainer.spec.stage
            return publish(self.store_at(stage.params["uri"]), stage, self.clock.read)
        return {"evaluation": self.evaluation()} if stage_of(rayjob).startswith("graft/") else {}

    def evaluation(self) -> list[dict[str, Any]]:
        """The scores, as they are now."""
        return [{"task": "xnli", "metrics": {"accuracy": {"mean": self.score, "stderr": 0.01}}}]

    def suspend_rayjob(self, rayjob: Body, value: bool) -> None:
        """What Kueue does."""
        metadata = rayjob["metadata"]
        ref = (RAYJOB, metadata["namespace"], metadata["name"])
        self.checks.admitted |= not value
        self.api.update(ref, lambda body: body["spec"].update(suspend=value))

    def restore(self, saved: Backup) -> None:
        """Etcd is restored from a backup."""
        self.api.restore(saved)
        self.checks.forget()

    def break_watch(self, copy: OperatorCopy, kind: str) -> None:
        assert kind in KINDS
        copy.watch.forget(kind)
        copy.watch.broken.add(kind)
