"""What becomes of a graft's language pack: whether there is one, and where it is published."""

from collections.abc import Mapping

from lingraft import params, resource
from lingraft.plan.dag import Dag
from lingraft.plan.model import Plan
from lingraft.resource.publish import Publish


def writes_pack(plan: Plan) -> bool:
    """Whether it was planned since there are packs; a pinned plan may be older."""
    return "pack" in plan["graft"].stage.params


def add_publish(
    dag: Dag,
    spec: resource.LanguageAdaptationSpec,
    asked: Publish,
    inputs: Mapping[str, str],
) -> str:
    """The stage that publishes, with the gates that it must not go behind."""
    gates = tuple(
        params.GateParams(task=task.name, metric=task.gate.metric, min=task.gate.min)
        for task in spec.tasks
        if task.gate is not None
    )
    found = params.PublishParams.model_validate(
        {
            "uri": asked.uri,
            "as": asked.as_,
            "language": spec.language,
            "gates": gates,
            "no_worse_than": asked.no_worse_than,
            "margin": asked.margin,
        }
    )
    return dag.add("publish", "publish", found, inputs)
