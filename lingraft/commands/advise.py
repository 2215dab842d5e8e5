"""`lingraft advise`: whether it is worth it, before anything is spent."""

import json as json_text

from lingraft.commands.options import File, Json, of_trainer, planned_of


def advise(file: File, json: Json = False) -> None:
    """Read some of the text and say in plain words what to do; takes minutes, trains no model.

    How the base's tokenizer cuts the text and how a new one would, what is unknown, whether the
    text is in its language's script, how well the untouched base tells it, what it would cost.
    """
    from lingraft.advice import Findings, advice_lines
    from lingraft.advice import advise as advice_on

    resource, plan = planned_of(file)
    found: Findings = of_trainer("advising.measure", "advise").measure(resource.spec, plan)
    advice = advice_on(found)
    if json:
        print(json_text.dumps({"advice": advice.to_json(), "found": found.to_json()}, indent=1))
    else:
        print("\n".join(advice_lines(found, advice)))
