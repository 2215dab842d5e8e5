"""Which places a spec names, and as what each is read."""

from lingraft import resource
from lingraft.formats.examples import Purpose
from lingraft.resource.tasks import Task
from lingraft.selection import Reading, task_reads


def readings(spec: resource.LanguageAdaptationSpec) -> dict[Reading, str]:
    """Everything external that a spec's stages read, and the field that names it.

    Where two fields name the same, the first one. A base's tokenizer is read apart from it: stages
    on small nodes read nothing else of it.
    """
    base, pretrain = spec.base.uri, spec.base.pretrain
    found: dict[Reading, str] = {Reading(spec.corpus.uri, "text"): "spec.corpus.uri"}

    def add(uri: str | None, reads: str, field: str) -> None:
        if uri is not None:
            found.setdefault(Reading(uri, reads), field)

    add(base, "checkpoint", "spec.base.uri")
    add(base, "tokenizer", "spec.base.uri")
    add(spec.tokenizer.uri, "tokenizer", "spec.tokenizer.uri")
    if pretrain is not None:
        add(pretrain.text.uri, "text", "spec.base.pretrain.text.uri")
        add(pretrain.tokenizer.uri, "tokenizer", "spec.base.pretrain.tokenizer.uri")
    reads = spec.method in ("Auto", "MiniPost") or spec.embeddings.init == "aligned"
    if reads and spec.mini.text is not None:
        add(spec.mini.text.uri, "text", "spec.mini.text.uri")
    for i, task in enumerate(spec.tasks):
        for purpose, uri in uris_of(task).items():
            reads = reads_of(spec, task, purpose)
            add(uri, reads, f"spec.tasks[{i}].{purpose}")
    return found


def uris_of(task: Task) -> dict[Purpose, str | None]:
    """A task's files by their purpose."""
    return {
        "train": task.train,
        "dev": task.dev,
        "test": task.test,
        "sourceTest": task.source_test,
    }


def reads_of(spec: resource.LanguageAdaptationSpec, task: Task, purpose: Purpose) -> str:
    """As what a task's files are read."""
    return task_reads(task.format, purpose, language_of(spec, purpose))


def language_of(spec: resource.LanguageAdaptationSpec, purpose: Purpose) -> str:
    """The language of a task's files: all but `test` are in the source language."""
    return spec.language if purpose == "test" else spec.source_language
