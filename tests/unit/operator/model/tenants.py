"""What tenants put into buckets, what admins leave to them, and other releases of the chart."""

from hypothesis.stateful import rule

from lingraft.limits import OBJECT_BYTES
from lingraft_operator import names
from tests.support.operator.checks import stage_of
from tests.support.operator.settings import STORE, config
from tests.unit.operator.model.around import Around
from tests.unit.operator.model.users import one_of, which

OTHERS = "system/others"


class Tenants(Around):
    """One tenant, and the next."""

    @rule(n=which, what=one_of("is deadly", "is harmless", "has a huge manifest", "has none"))
    def tenant(self, n: int, what: str) -> None:
        match what:
            case "is deadly":
                if key := self._resource(n):
                    self.sim.deadly.add(key)
            case "is harmless":
                self.sim.deadly.clear()
            case "has a huge manifest":
                if rayjob := self._working(n):
                    place = f"{stage_of(rayjob)}/manifest.json"
                    self.sim.store_at(STORE).plant(place, b" " * (OBJECT_BYTES + 1))
                    self.sim.checks.blamed.add(stage_of(rayjob))
            case _:
                self.sim.clear_huge()

    @rule(what=one_of("leaves nothing", "leaves all", "gives a queue"))
    def admin(self, what: str) -> None:
        changes = {
            "leaves nothing": {"pools": {"small": {"overridable": []}}},
            "gives a queue": {"tenants": [{"namespace": "b", "queue": "team"}]},
        }.get(what, {})
        self.sim.configure(config(**changes))

    @rule(n=which, what=one_of("comes", "goes", "is named", "is not named"))
    def another_release(self, n: int, what: str) -> None:
        others = [copy for copy in self.sim.copies if copy.config.release == OTHERS]
        key = self._resource(n)
        if what == "comes" and not others:
            pools = {"small": {"workers": 3}}
            self.sim.add_release(config(release=OTHERS, trainerImage="other:1", pools=pools))
        elif what == "goes" and others and not others[0].busy:
            self.sim.remove_release(others[0])
            for named in self.sim.resources():
                self.sim.annotate(named, names.RELEASE, "")
        elif what == "is named" and others and key:
            self.sim.annotate(key, names.RELEASE, OTHERS)
        elif what == "is not named" and key:
            self.sim.annotate(key, names.RELEASE, "")
