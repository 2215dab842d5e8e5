"""What upgrades and roll-backs leave behind, and keys that expire."""

import json

from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.support.operator.api_server import LA, Body
from tests.support.operator.checks import wish_of
from tests.support.operator.releases import CHANGES
from tests.support.operator.settings import config
from tests.unit.operator.model.tenants import Tenants
from tests.unit.operator.model.users import one_of, which


class Upgrades(Tenants):
    """Other releases were here, with other images; the store's keys are renewed late."""

    @rule(n=which, how=st.sampled_from(sorted(CHANGES)))
    def another_release_wrote(self, n: int, how: str) -> None:
        key = self._resource(n)
        status = self.sim.resources()[key].get("status") if key else None
        if key is None or not status or "plan" not in status:
            return
        if any(copy.busy for copy in self.sim.copies):
            return

        def change(body: Body) -> None:
            body["status"] = CHANGES[how](json.loads(json.dumps(status)))

        self.sim.api.update((LA, *key), change)
        # A plan of before begins anew: what was counted is not known to it.
        wish = wish_of(self.sim.resources()[key])
        for place in [one for one in self.sim.checks.failed if one[0] == wish]:
            del self.sim.checks.failed[place]

    @rule(what=one_of("is upgraded", "is rolled back", "has more workers"))
    def chart(self, what: str) -> None:
        changes = {
            "is upgraded": {"trainerImage": "lingraft/trainer:2"},
            "has more workers": {"pools": {"small": {"workers": 3}, "large": {"workers": 2}}},
        }.get(what, {})
        self.sim.configure(config(**changes))

    @rule(told=st.booleans())
    def keys_expire(self, told: bool) -> None:
        """Of all that runs, as where one Secret serves a namespace."""
        for rayjob in self.sim.working():
            self.sim.finish(rayjob, "outside")
            if told:
                self.sim.kuberay.step(rayjob)
