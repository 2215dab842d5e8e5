"""Which places a spec names, and as what each is read."""

from lingraft import resource
from lingraft.selection import Reading
from lingraft.stage import Reads


def readings(spec: resource.LanguageAdaptationSpec) -> dict[Reading, str]:
    """Everything external that a spec's stages read, and the field that names it.

    Where two fields name the same, the first one. A base's tokenizer is read apart from it: stages
    on small nodes read nothing else of it.
    """
    base, pretrain = spec.base.uri, spec.base.pretrain
    text: dict[str, str | None] = {"spec.corpus.uri": spec.corpus.uri}
    tokenizer = {"spec.base.uri": base, "spec.tokenizer.uri": spec.tokenizer.uri}
    task: dict[str, str | None] = {}
    if pretrain is not None:
        text["spec.base.pretrain.text.uri"] = pretrain.text.uri
        tokenizer["spec.base.pretrain.tokenizer.uri"] = pretrain.tokenizer.uri
    if spec.method == "MiniPost" and spec.mini.text is not None:
        text["spec.mini.text.uri"] = spec.mini.text.uri
    for i, one in enumerate(spec.tasks):
        task[f"spec.tasks[{i}].train"] = one.train
        task[f"spec.tasks[{i}].dev"] = one.dev
        task[f"spec.tasks[{i}].test"] = one.test
        task[f"spec.tasks[{i}].sourceTest"] = one.source_test
    by_reads: dict[Reads, dict[str, str | None]] = {
        "text": text,
        "checkpoint": {"spec.base.uri": base},
        "tokenizer": tokenizer,
        "task": task,
    }
    found: dict[Reading, str] = {}
    for reads, named in by_reads.items():
        for field, uri in named.items():
            if uri is not None:
                found.setdefault(Reading(uri, reads), field)
    return found
