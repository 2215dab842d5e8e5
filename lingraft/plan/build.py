"""`plan`: which stages a spec needs, from its sources to the grafted model."""

from collections.abc import Mapping

from lingraft import compute, params, resource
from lingraft.architecture import Shape, shape_of_pretrain
from lingraft.errors import UserError
from lingraft.plan.checks import check, check_updates, warn_of_languages, warn_of_mini
from lingraft.plan.dag import Dag
from lingraft.plan.defaults import (
    HELDOUT_SHARE,
    bridge_of,
    calibrates,
    evaluation_length,
    mini_layers,
    snapshot_steps,
    tokenizer,
    trainings,
)
from lingraft.plan.model import Plan
from lingraft.plan.packs import add_publish
from lingraft.plan.readings import readings, reads_of
from lingraft.plan.recipe import method_of, resolved
from lingraft.plan.shared import (
    add_base,
    add_finetunes,
    add_mini,
    add_source_text,
    held_out_unit,
    tokenizer_of_base,
)
from lingraft.selection import Reading
from lingraft.stage import Source


def plan(
    spec: resource.LanguageAdaptationSpec,
    sources: Mapping[Reading, Source],
    base_shape: Shape | None,
) -> Plan:
    """Plan a spec.

    Args:
        spec: What the user asked for.
        sources: The pinned source of every one of `readings(spec)`.
        base_shape: The shape of `base.uri`'s checkpoint; None where the base is pretrained.

    Raises:
        UserError: The parts do not fit together (layers against depth, lengths, heads).
    """
    shape = base_shape or _pretrained_shape(spec, sources)
    spec = resolved(spec, shape)
    layers = mini_layers(spec, shape)
    check(spec, shape, layers)
    trained = trainings(spec, shape, layers, sources)
    warnings = (
        *warn_of_languages(spec),
        *check_updates(spec, trained),
        *warn_of_mini(spec, shape),
    )
    dag = Dag(sources)
    base = add_base(dag, spec, shape, layers, trained.pretrain)
    words = tokenizer(
        spec.tokenizer,
        sources[Reading(spec.corpus.uri, "text")],
        spec.language,
        causal=shape.family.causal,
    )
    training = trained.embeddings
    corpus = _add_corpus(dag, spec, words, training.sequence_length, shape, base)
    model = base
    if spec.method != "Standard":
        model = add_mini(dag, spec, shape, layers, trained.mini, base)
    # The start `aligned` reads the base's language too.
    aligned = spec.embeddings.init == "aligned"
    source = {"source": add_source_text(dag, spec, shape, base)} if aligned else {}
    # A tokenizer that is only loaded is taken to be as large as the base's.
    rows = words.vocab_size or shape.vocabulary
    depth = shape.layers if spec.method == "Standard" else layers.copied + layers.new
    bridge = bridge_of(spec, shape) is not None
    embed = dag.add(
        "embed",
        "embed",
        params.EmbedParams(
            method=method_of(spec),
            init=spec.embeddings.init,
            training=training,
            calibrate=calibrates(spec, shape),
            keep_unseen=shape.family.causal,
            output_steps=spec.embeddings.output_steps,
            snapshots=snapshot_steps(training.steps, spec.embeddings.snapshots),
        ),
        {"model": model, "base": tokenizer_of_base(dag, spec, base), "corpus": corpus} | source,
        flops=_embed_flops(spec, shape, training, rows, depth, bridge=bridge),
        steps=training.steps,
    )
    inputs = {"base": base, "corpus": corpus, "embed": embed} | source
    graft = _add_graft(dag, spec, shape, inputs)
    if spec.publish is not None:
        add_publish(dag, spec, spec.publish, {"graft": graft, "base": base})
    return Plan(
        stages=dag.stages,
        sources=tuple(sources[reading] for reading in readings(spec)),
        store=_store(spec),
        shape=shape,
        embed_flops_standard=_embed_flops(spec, shape, training, rows, shape.layers),
        warnings=warnings,
    )


def _store(spec: resource.LanguageAdaptationSpec) -> str:
    if spec.store is None:
        raise UserError("say where artifacts go, such as s3://bucket/", where="spec.store.uri")
    return spec.store.uri


def _pretrained_shape(
    spec: resource.LanguageAdaptationSpec, sources: Mapping[Reading, Source]
) -> Shape:
    pretrain = spec.base.pretrain
    assert pretrain is not None  # only an existing base has a shape of its own
    text = sources[Reading(pretrain.text.uri, "text")]
    words = tokenizer(pretrain.tokenizer, text, spec.source_language)
    return shape_of_pretrain(pretrain, words.vocab_size or 0)


def _add_corpus(
    dag: Dag,
    spec: resource.LanguageAdaptationSpec,
    words: params.TokenizerChoice,
    length: int,
    shape: Shape,
    base: str,
) -> str:
    inputs = {
        "text": dag.source(spec.corpus.uri, "text"),
        "base": tokenizer_of_base(dag, spec, base),
    }
    if spec.tokenizer.uri is not None:
        inputs["tokenizer"] = dag.source(spec.tokenizer.uri, "tokenizer")
    return dag.add(
        "corpus",
        "corpus",
        params.CorpusParams(
            language=spec.language,
            text_field=spec.corpus.text_field,
            tokenizer=words,
            sequence_length=length,
            heldout_share=HELDOUT_SHARE,
            whole_documents=shape.family.causal,
            held_out=held_out_unit(causal=shape.family.causal),
            seed=0,
        ),
        inputs,
    )


def _embed_flops(
    spec: resource.LanguageAdaptationSpec,
    shape: Shape,
    training: params.LmTraining,
    rows: int,
    depth: int,
    *,
    bridge: bool = False,
) -> float:
    tokens = training.batch_rows * training.sequence_length
    updates = training.steps * compute.embed_step(
        shape,
        layers=depth,
        vocabulary=rows,
        tokens=tokens,
        told=tokens * training.told,
        sequence_length=training.sequence_length,
        output_share=spec.embeddings.output_steps / training.steps,
        bridge=bridge,
    )
    if not calibrates(spec, shape):
        return updates
    return updates + compute.calibration(
        shape,
        vocabulary=rows,
        told=training.told,
        sequence_length=training.sequence_length,
    )


def _generation(spec: resource.LanguageAdaptationSpec) -> params.Generation | None:
    """What is to be written for people; None where that is left to the defaults."""
    asked, usual = spec.generation, params.Generation()
    if asked is None:
        return None
    wanted = params.Generation(prompts=tuple(asked.prompts), max_new_tokens=asked.max_new_tokens)
    return None if wanted == usual else wanted


def _add_graft(
    dag: Dag, spec: resource.LanguageAdaptationSpec, shape: Shape, inputs: dict[str, str]
) -> str:
    tasks: list[params.GraftTask] = []
    for task in spec.tasks:
        inputs[f"test:{task.name}"] = dag.source(task.test, reads_of(spec, task, "test"))
        if task.source_test is not None:
            reads = reads_of(spec, task, "sourceTest")
            inputs[f"source_test:{task.name}"] = dag.source(task.source_test, reads)
        finetuned = add_finetunes(dag, spec, task, shape, inputs["base"])
        for seed, name in enumerate(finetuned):
            inputs[f"finetune:{task.name}:{seed}"] = name
        tasks.append(
            params.GraftTask(
                name=task.name,
                format=task.format,
                columns=task.renamed,
                labels=task.label_names,
                max_length=evaluation_length(task, spec.embeddings, shape),
                seeds=tuple(range(len(finetuned))),
            )
        )
    return dag.add(
        "graft",
        "graft",
        params.GraftParams(
            language=spec.language,
            source_language=spec.source_language,
            method=method_of(spec),
            init=spec.embeddings.init,
            seed=spec.seed,
            calibrate=calibrates(spec, shape),
            tasks=tuple(tasks),
            generation=_generation(spec),
        ),
        inputs,
    )
