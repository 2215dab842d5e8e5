"""A status as it stands in the cluster: another release may have written it, newer or older.

Fields that this release does not know are kept and written back (`model.py`); values that it does
not know are left out, with what cannot be without them.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from pydantic import ValidationError

from lingraft.status import LanguageAdaptationStatus

ROUNDS = 100
INSTEAD = {"state": "Waiting"}
"""Of a stage: whatever it is, it is judged anew."""


def read_status(found: Mapping[str, Any]) -> LanguageAdaptationStatus:
    """The status, as much of it as can be understood."""
    value: Any = found
    for _ in range(ROUNDS):
        try:
            return LanguageAdaptationStatus.model_validate(value)
        except ValidationError as error:
            if value is found:
                value = json.loads(json.dumps(found))
            # From the back: what is taken out of a list moves nothing that is yet to go.
            for one in sorted(error.errors(), key=lambda e: str(e["loc"]), reverse=True):
                parent = one["loc"][:-1] if one["type"] == "missing" else one["loc"]
                _leave_out(value, parent)
    return LanguageAdaptationStatus()


def _leave_out(value: Any, path: Sequence[int | str]) -> None:
    *above, last = path or ("",)
    for step in above:
        value = value[step] if _has(value, step) else None
    if last in INSTEAD and isinstance(value, dict):
        value[last] = INSTEAD[str(last)]
    elif _has(value, last):
        del value[last]


def _has(value: Any, step: int | str) -> bool:
    if isinstance(value, list):
        return isinstance(step, int) and step < len(cast(list[Any], value))
    return isinstance(value, dict) and step in value
