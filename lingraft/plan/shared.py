"""Stages that never see the target language: every language on a base shares them.

Nothing here may read `spec.language`, `spec.corpus`, `spec.embeddings`, `spec.seed`, a task's
test data or its gate: one of them in a digest, and a fleet trains its base again.
"""

from typing import Literal

from lingraft import compute, params, resource
from lingraft.architecture import Shape
from lingraft.formats.examples import Purpose
from lingraft.plan.dag import Dag
from lingraft.plan.defaults import (
    HELDOUT_SHARE,
    MiniLayers,
    bridge_of,
    finetune_length,
    sequence_length,
    tokenizer,
)
from lingraft.plan.readings import reads_of
from lingraft.resource.formats import FORMATS
from lingraft.resource.tasks import Task
from lingraft.selection import Reading


def add_base(
    dag: Dag,
    spec: resource.LanguageAdaptationSpec,
    shape: Shape,
    layers: MiniLayers,
    training: params.LmTraining | None,
) -> str:
    """The base: a source, or the stages `source-corpus` and `pretrain`."""
    if spec.base.uri is not None:
        return dag.source(spec.base.uri, "checkpoint")
    pretrain = spec.base.pretrain
    assert pretrain is not None and training is not None  # the resource model wants one of the two
    inputs = {"text": dag.source(pretrain.text.uri, "text")}
    if pretrain.tokenizer.uri is not None:
        inputs["tokenizer"] = dag.source(pretrain.tokenizer.uri, "tokenizer")
    corpus = dag.add(
        "source-corpus",
        "corpus",
        _source_text(
            pretrain.text,
            tokenizer(
                pretrain.tokenizer,
                dag.sources[Reading(pretrain.text.uri, "text")],
                spec.source_language,
            ),
            training.sequence_length,
        ),
        inputs,
    )
    joint = pretrain.joint_layers or (layers.copied if spec.method == "MiniJoint" else None)
    architecture = pretrain.architecture
    tokens = training.batch_rows * training.sequence_length
    step = compute.pretrain_step(
        shape,
        heads=2 if joint else 1,
        tokens=tokens,
        told=tokens * training.told,
        sequence_length=training.sequence_length,
    )
    return dag.add(
        "pretrain",
        "pretrain",
        params.PretrainParams(
            model_type=architecture.model_type,
            layers=architecture.layers,
            hidden_size=architecture.hidden_size,
            attention_heads=architecture.attention_heads,
            intermediate_size=architecture.intermediate_size,
            positions=architecture.positions,
            initializer_range=architecture.initializer_range,
            neighbour_heads=architecture.neighbour_heads,
            joint_layers=joint,
            training=training,
        ),
        {"corpus": corpus},
        flops=training.steps * step,
        steps=training.steps,
    )


def tokenizer_of_base(dag: Dag, spec: resource.LanguageAdaptationSpec, base: str) -> str:
    """The base for a stage that reads its tokenizer alone: no other change of it counts there.

    Of a checkpoint it is a source of its own, of a pretrained base the same stage.
    """
    return base if spec.base.uri is None else dag.source(spec.base.uri, "tokenizer")


def add_mini(
    dag: Dag,
    spec: resource.LanguageAdaptationSpec,
    shape: Shape,
    layers: MiniLayers,
    training: params.LmTraining | None,
    base: str,
) -> str:
    """The mini-model: cut off the base (MiniJoint), or put on top of its bottom (MiniPost)."""
    if spec.method == "MiniJoint":
        joint = params.MiniParams(
            method="MiniJoint", layers=layers.copied, new_layers=0, training=None
        )
        return dag.add("mini", "mini", joint, {"base": base})
    bridge = bridge_of(spec, shape)
    post = params.MiniParams(
        method="MiniPost",
        layers=layers.copied,
        new_layers=layers.new,
        new_layers_from=spec.mini.new_layers_from,
        training=training,
        bridge=bridge,
    )
    if spec.mini.text is None:
        return dag.add("mini", "mini", post, {"base": base})
    inputs = {"base": base, "corpus": add_source_text(dag, spec, shape, base)}
    if bridge is not None:
        length = sequence_length(spec.mini, shape)
        flops = compute.bridge_fit(shape, tokens=bridge.tokens, sequence_length=length)
        return dag.add("mini", "mini", post, inputs, flops=flops)
    assert training is not None  # text is for one of the two
    tokens = training.batch_rows * training.sequence_length
    step = compute.mini_step(
        shape,
        layers=layers.copied,
        new_layers=layers.new,
        tokens=tokens,
        told=tokens * training.told,
        sequence_length=training.sequence_length,
    )
    return dag.add(
        "mini",
        "mini",
        post,
        inputs,
        flops=training.steps * step,
        steps=training.steps,
    )


def add_source_text(
    dag: Dag, spec: resource.LanguageAdaptationSpec, shape: Shape, base: str
) -> str:
    """Source text in the base's tokens: the mini-model's, else what the base was pretrained on."""
    text = spec.mini.text
    if text is None:
        return "source-corpus"
    return dag.add(
        "mini-corpus",
        "corpus",
        _source_text(
            text,
            params.TokenizerChoice(source="base"),
            sequence_length(spec.mini, shape),
            causal=shape.family.causal,
        ),
        {"text": dag.source(text.uri, "text"), "base": tokenizer_of_base(dag, spec, base)},
    )


def add_finetunes(
    dag: Dag, spec: resource.LanguageAdaptationSpec, task: Task, shape: Shape, base: str
) -> tuple[str, ...]:
    """One fine-tuned model a seed, by seed; none for a task that needs no training."""
    if task.train is None:
        return ()
    inputs = {"base": base}
    named: dict[Purpose, str | None] = {"train": task.train, "dev": task.dev}
    for purpose, uri in named.items():
        if uri is not None:
            inputs[purpose] = dag.source(uri, reads_of(spec, task, purpose))
    return tuple(
        dag.add(
            f"finetune-{task.name}-{seed}",
            "finetune",
            params.FinetuneParams(
                format=task.format,
                columns=task.renamed,
                labels=task.label_names,
                source_language=spec.source_language,
                epochs=task.epochs,
                batch_size=task.batch_size,
                learning_rate=task.learning_rate,
                max_length=finetune_length(task, shape),
                dropout=task.dropout,
                seed=seed,
                answer_end=FORMATS[task.format].kind == "instruction",
            ),
            inputs,
        )
        for seed in range(task.seeds)
    )


def held_out_unit(*, causal: bool) -> Literal["Paragraphs", "Documents"]:
    """What is held out of text as one: a causal base learns much of a document from the rest."""
    return "Documents" if causal else "Paragraphs"


def _source_text(
    text: resource.Text,
    choice: params.TokenizerChoice,
    sequence_length: int,
    *,
    causal: bool = False,
) -> params.CorpusParams:
    return params.CorpusParams(
        language=None,
        text_field=text.text_field,
        tokenizer=choice,
        sequence_length=sequence_length,
        heldout_share=HELDOUT_SHARE,
        whole_documents=causal,
        held_out=held_out_unit(causal=causal),
        seed=0,
    )
