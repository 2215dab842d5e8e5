"""Argo CD, Flux and kstatus, as they judge a LanguageAdaptation: their code or their rules."""

import json
import subprocess
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import lupa.lua51 as lua51
import yaml
from cel_expr_python import cel

from tools.kstatus.build import PROGRAM

Object = dict[str, Any]
ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs" / "gitops"
LUA = DOCS / "argocd-health.lua"
FLUX = ROOT / "examples" / "gitops" / "flux-kustomization.yaml"
ARGO_STATUSES = ("Healthy", "Progressing", "Degraded", "Suspended")
# Argo CD opens base, table and package, and an os that only tells the time.
WITHOUT = ("io", "string", "math", "debug", "coroutine", "os", "python")


def argo(body: Object) -> tuple[str, str]:
    """Argo CD's health and its message: Lua 5.1, as gopher-lua in Argo CD.

    What is being deleted is Progressing before any script is asked.
    """
    if "deletionTimestamp" in body["metadata"]:
        return "Progressing", "Pending deletion"
    make: Any = lua51.LuaRuntime  # its stub knows no such call
    runtime = make(register_eval=False, register_builtins=False)
    names = runtime.globals()
    for name in WITHOUT:
        names[name] = None
    names["obj"] = runtime.table_from(body, recursive=True)
    answer = runtime.execute(LUA.read_text())
    assert answer.status in ARGO_STATUSES
    return answer.status, answer.message


@lru_cache
def expressions() -> dict[str, str]:
    """The entry of healthCheckExprs that is documented."""
    (found,) = yaml.safe_load(FLUX.read_text())["spec"]["healthCheckExprs"]
    return found


def flux(body: Object) -> str:
    """Flux's verdict, in the order of its RFC 0009; CEL of the C++ library, unchecked as there."""
    observed = body.get("status", {}).get("observedGeneration")
    if observed is not None and observed != body["metadata"]["generation"]:
        return "InProgress"
    names = {name: cel.Type.DYN for name in ("apiVersion", "kind", "metadata", "spec", "status")}
    env = cel.NewEnv(variables=names)
    order = (("inProgress", "InProgress"), ("failed", "Failed"), ("current", "Current"))
    for name, status in order:
        found = env.compile(expressions()[name], disable_check=True).eval(data=body)
        assert found.type() == cel.Type.BOOL, f"{name}: {found.value()}"
        if found.value():
            return status
    return "InProgress"


def real(bodies: Sequence[Object]) -> list[dict[str, str]]:
    """The verdicts of the real kstatus and the real Flux on each object.

    Raises:
        Missing: They are not built.
    """
    asked = {"exprs": expressions(), "objects": list(bodies)}
    done = subprocess.run(
        [PROGRAM.find()], input=json.dumps(asked), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
