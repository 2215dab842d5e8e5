"""From a resource to its DAG of stages: pure, and the same on a laptop and on a cluster.

`plan` is given everything it needs to know of the world (the pinned sources and the base's
shape) and only computes: which stages, with which parameters, under which digests, at what
cost. `lingraft.planning` looks the world up.
"""

import math
from collections.abc import Callable, Mapping

from pydantic import Field

from lingraft import compute, params, resource
from lingraft.architecture import Shape, shape_of_pretrain
from lingraft.errors import UserError
from lingraft.stage import Contract, Source, Stage, StageSpec

HELDOUT_SHARE = 0.01
SOURCE_LANGUAGE = "en"
MAX_STEPS, MAX_EPOCHS = 125_000, 40
# Plain text averages about four bytes a token; compressed text is about a third of its size.
BYTES_PER_TOKEN, COMPRESSION = 4, 3


class PlannedStage(Contract):
    """A stage in its place in the plan."""

    name: str = Field(description="For people, such as finetune-genre-0; unique in the plan.")
    stage: Stage
    needs: tuple[str, ...] = Field(description="Names of the stages it reads.")
    flops: float = Field(description="By formula; 0 where no model is trained.")
    steps: int = 0


class Plan(Contract):
    """The stages in an order in which they can run, and the sources they read."""

    stages: tuple[PlannedStage, ...]
    sources: dict[str, Source] = Field(description="By fingerprint.")
    store: str
    shape: Shape
    embed_flops_standard: float = Field(
        description="What step 2 would cost through the full model, by formula."
    )

    def __getitem__(self, name: str) -> PlannedStage:
        return next(stage for stage in self.stages if stage.name == name)

    @property
    def saved_per_step(self) -> float:
        """Compute of Standard's step 2 over this one's: per step, not a measured speed-up."""
        return self.embed_flops_standard / self["embed"].flops

    def spec(self, planned: PlannedStage, holder: str) -> StageSpec:
        """What one process needs to run one stage of this plan."""
        wanted = {
            ref.removeprefix("source/")
            for ref in planned.stage.inputs.values()
            if ref.startswith("source/")
        }
        return StageSpec(
            stage=planned.stage,
            sources={print_: self.sources[print_] for print_ in sorted(wanted)},
            store=self.store,
            holder=holder,
        )


def source_uris(spec: resource.LanguageAdaptationSpec) -> dict[str, str]:
    """Every external URI the spec names, by the field that names it."""
    uris: dict[str, str | None] = {
        "spec.corpus.uri": spec.corpus.uri,
        "spec.base.uri": spec.base.uri,
        "spec.tokenizer.uri": spec.tokenizer.uri,
    }
    if spec.base.pretrain is not None:
        uris["spec.base.pretrain.text.uri"] = spec.base.pretrain.text.uri
        uris["spec.base.pretrain.tokenizer.uri"] = spec.base.pretrain.tokenizer.uri
    if spec.method == "MiniPost" and spec.mini.text is not None:
        uris["spec.mini.text.uri"] = spec.mini.text.uri
    for i, task in enumerate(spec.tasks):
        for field in ("train", "dev", "test", "source_test"):
            alias = "sourceTest" if field == "source_test" else field
            uris[f"spec.tasks[{i}].{alias}"] = getattr(task, field)
    return {field: uri for field, uri in uris.items() if uri is not None}


def plan(
    spec: resource.LanguageAdaptationSpec, sources: Mapping[str, Source], base_shape: Shape | None
) -> Plan:
    """Plan a spec.

    Args:
        spec: What the user asked for.
        sources: The pinned source of every URI of `source_uris(spec)`, by URI.
        base_shape: The shape of `base.uri`'s checkpoint; None where the base is pretrained.

    Raises:
        UserError: The parts do not fit together (layers against depth, lengths, heads).
    """
    shape = base_shape or shape_of_pretrain(_pretrain(spec))
    layers, new_layers = _mini_layers(spec, shape)
    _check(spec, shape, layers, new_layers)
    planned: dict[str, PlannedStage] = {}

    def source(uri: str) -> str:
        return f"source/{sources[uri].fingerprint}"

    def add(
        name: str,
        kind: str,
        stage_params: Contract,
        inputs: dict[str, str],
        flops: float = 0.0,
        steps: int = 0,
    ) -> str:
        # An input is a planned stage's name or a source's ref.
        needs = tuple(ref for ref in inputs.values() if ref in planned)
        refs = {key: planned[ref].stage.ref if ref in planned else ref for key, ref in inputs.items()}
        stage = Stage.model_validate(
            {"kind": kind, "params": stage_params.to_json(), "inputs": refs}
        )
        planned[name] = PlannedStage(
            name=name, stage=stage, needs=tuple(dict.fromkeys(needs)), flops=flops, steps=steps
        )
        return name

    base = _add_base(spec, shape, layers, source, add)
    length = _sequence_length(spec.embeddings, shape)
    corpus_inputs = {"text": source(spec.corpus.uri), "base": base}
    if spec.tokenizer.uri:
        corpus_inputs["tokenizer"] = source(spec.tokenizer.uri)
    corpus = add(
        "corpus",
        "corpus",
        params.CorpusParams(
            language=spec.language,
            tokenizer=_tokenizer(spec.tokenizer),
            sequence_length=length,
            heldout_share=HELDOUT_SHARE,
            seed=0,
        ),
        corpus_inputs,
    )
    model = base
    if spec.method != "Standard":
        model = _add_mini(spec, shape, layers, new_layers, base, source, add)

    training = _training(
        spec.embeddings,
        shape,
        spec.embeddings.steps or _default_steps(spec, sources[spec.corpus.uri]),
        seed=spec.seed,
    )
    through = shape.layers if spec.method == "Standard" else layers + new_layers
    train = spec.tokenizer.train
    vocabulary = train.vocab_size if train else shape.vocabulary

    def embed_flops(depth: int) -> float:
        tokens = training.batch_rows * training.sequence_length
        return training.steps * compute.embed_step(
            shape,
            layers=depth,
            vocabulary=vocabulary,
            tokens=tokens,
            masked=tokens * training.mask_probability,
            sequence_length=training.sequence_length,
        )

    embed = add(
        "embed",
        "embed",
        params.EmbedParams(method=spec.method, init=spec.embeddings.init, training=training),
        {"model": model, "base": base, "corpus": corpus},
        embed_flops(through),
        training.steps,
    )
    graft_inputs = {"base": base, "corpus": corpus, "embed": embed}
    tasks = [_add_task(task, base, source, add, graft_inputs) for task in spec.tasks]
    add(
        "graft",
        "graft",
        params.GraftParams(language=spec.language, method=spec.method, tasks=tuple(tasks)),
        graft_inputs,
    )
    return Plan(
        stages=tuple(planned.values()),
        sources={found.fingerprint: found for found in sources.values()},
        store=spec.store.uri,
        shape=shape,
        embed_flops_standard=embed_flops(shape.layers),
    )


Add = Callable[..., str]


def _add_base(
    spec: resource.LanguageAdaptationSpec,
    shape: Shape,
    layers: int,
    source: Callable[[str], str],
    add: Add,
) -> str:
    if spec.base.uri:
        return source(spec.base.uri)
    pretrain = _pretrain(spec)
    inputs = {"text": source(pretrain.text.uri)}
    if pretrain.tokenizer.uri:
        inputs["tokenizer"] = source(pretrain.tokenizer.uri)
    training = _training(pretrain, shape, pretrain.steps, seed=0)
    corpus = add(
        "source-corpus",
        "corpus",
        params.CorpusParams(
            language=None,
            tokenizer=_tokenizer(pretrain.tokenizer),
            sequence_length=training.sequence_length,
            heldout_share=HELDOUT_SHARE,
            seed=0,
        ),
        inputs,
    )
    joint = pretrain.joint_layers or (layers if spec.method == "MiniJoint" else None)
    architecture = pretrain.architecture
    tokens = training.batch_rows * training.sequence_length
    flops = training.steps * compute.pretrain_step(
        shape,
        heads=2 if joint else 1,
        tokens=tokens,
        masked=tokens * training.mask_probability,
        sequence_length=training.sequence_length,
    )
    return add(
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
        flops,
        training.steps,
    )


def _add_mini(
    spec: resource.LanguageAdaptationSpec,
    shape: Shape,
    layers: int,
    new_layers: int,
    base: str,
    source: Callable[[str], str],
    add: Add,
) -> str:
    inputs = {"base": base}
    training = None
    flops = 0.0
    if spec.method == "MiniPost":
        assert spec.mini.text is not None  # the resource model refuses this
        training = _training(spec.mini, shape, spec.mini.steps, seed=0)
        inputs["corpus"] = add(
            "mini-corpus",
            "corpus",
            params.CorpusParams(
                language=None,
                tokenizer=params.TokenizerChoice(source="base"),
                sequence_length=training.sequence_length,
                heldout_share=HELDOUT_SHARE,
                seed=0,
            ),
            {"text": source(spec.mini.text.uri), "base": base},
        )
        tokens = training.batch_rows * training.sequence_length
        flops = training.steps * compute.mini_step(
            shape,
            layers=layers,
            new_layers=new_layers,
            tokens=tokens,
            masked=tokens * training.mask_probability,
            sequence_length=training.sequence_length,
        )
    mini = params.MiniParams.model_validate(
        {"method": spec.method, "layers": layers, "new_layers": new_layers, "training": training}
    )
    return add("mini", "mini", mini, inputs, flops, training.steps if training else 0)


def _add_task(
    task: resource.Task,
    base: str,
    source: Callable[[str], str],
    add: Add,
    graft_inputs: dict[str, str],
) -> params.GraftTask:
    graft_inputs[f"test:{task.name}"] = source(task.test)
    if task.source_test:
        graft_inputs[f"source_test:{task.name}"] = source(task.source_test)
    seeds = tuple(range(task.seeds)) if task.train else ()
    for one in seeds:
        assert task.train is not None  # the resource model refuses this
        inputs = {"base": base, "train": source(task.train)}
        if task.dev:
            inputs["dev"] = source(task.dev)
        graft_inputs[f"finetune:{task.name}:{one}"] = add(
            f"finetune-{task.name}-{one}",
            "finetune",
            params.FinetuneParams(
                format=task.format,
                source_language=SOURCE_LANGUAGE,
                epochs=task.epochs,
                batch_size=task.batch_size,
                learning_rate=task.learning_rate,
                max_length=task.max_length,
                dropout=task.dropout,
                seed=one,
            ),
            inputs,
        )
    return params.GraftTask(
        name=task.name, format=task.format, max_length=task.max_length, seeds=seeds
    )


def _pretrain(spec: resource.LanguageAdaptationSpec) -> resource.Pretrain:
    assert spec.base.pretrain is not None  # exactly one of uri and pretrain
    return spec.base.pretrain


def _mini_layers(spec: resource.LanguageAdaptationSpec, shape: Shape) -> tuple[int, int]:
    """k and n: depth/3 and, for MiniPost, depth/6 (the paper's 4 and 2 of 12)."""
    joint = spec.base.pretrain.joint_layers if spec.base.pretrain else None
    layers = spec.mini.layers or (joint if spec.method == "MiniJoint" else None)
    layers = layers or max(1, shape.layers // 3)
    if spec.method != "MiniPost":
        return layers, 0
    new = spec.mini.new_layers
    return layers, max(1, shape.layers // 6) if new is None else new


def _check(
    spec: resource.LanguageAdaptationSpec, shape: Shape, layers: int, new_layers: int
) -> None:
    if spec.method != "Standard" and layers + new_layers >= shape.layers:
        raise UserError(
            f"a mini-model of {layers}+{new_layers} layers is not shallower than its base, which "
            f"has {shape.layers}: choose fewer",
            where="spec.mini.layers",
        )
    pretrain = spec.base.pretrain
    if pretrain is not None:
        joint = pretrain.joint_layers
        if joint is not None and joint >= shape.layers:
            raise UserError(
                f"the middle head must stand below the top: {joint} of {shape.layers} layers",
                where="spec.base.pretrain.jointLayers",
            )
        if spec.method == "MiniJoint" and joint is not None and joint != layers:
            raise UserError(
                f"mini.layers is {layers}, but the base's middle head is to stand after layer "
                f"{joint}: make them equal",
                where="spec.mini.layers",
            )
    elif not shape.masked_lm_head and spec.method != "MiniPost":
        raise UserError(
            f"the base has no masked-LM head, which {spec.method} trains embeddings through: use "
            "method MiniPost, or a checkpoint of a ...ForMaskedLM class",
            where="spec.base.uri",
        )
    length = _sequence_length(spec.embeddings, shape)
    for i, task in enumerate(spec.tasks):
        if task.max_length > length:
            raise UserError(
                f"is {task.max_length}, longer than the {length} tokens the embeddings are trained "
                "at: positions would be met there first; shorten it or raise "
                "embeddings.sequenceLength",
                where=f"spec.tasks[{i}].maxLength",
            )


def _sequence_length(choice: resource.MaskedLanguageModelling, shape: Shape) -> int:
    length = choice.sequence_length or min(512, shape.positions)
    if length > shape.positions:
        raise UserError(
            f"sequenceLength {length} is more than the base's {shape.positions} positions",
            where=f"spec ({type(choice).__name__.lower()})",
        )
    return length


def _training(
    choice: resource.MaskedLanguageModelling, shape: Shape, steps: int, *, seed: int
) -> params.MaskedLm:
    warmup = choice.warmup_steps
    return params.MaskedLm(
        steps=steps,
        batch_tokens=choice.batch_tokens,
        sequence_length=_sequence_length(choice, shape),
        mask_probability=choice.mask_probability,
        learning_rate=choice.learning_rate,
        warmup_steps=round(0.08 * steps) if warmup is None else warmup,
        weight_decay=choice.weight_decay,
        dropout=choice.dropout,
        seed=seed,
    )


def _tokenizer(choice: resource.Tokenizer) -> params.TokenizerChoice:
    if choice.train is None:
        return params.TokenizerChoice(source="uri")
    return params.TokenizerChoice(train=choice.train.type, vocab_size=choice.train.vocab_size)


def _default_steps(spec: resource.LanguageAdaptationSpec, corpus: Source) -> int:
    """min(125,000 updates, 40 epochs), the epochs estimated from the corpus' bytes."""
    size = sum(
        found.size * (COMPRESSION if found.key.endswith((".gz", ".zst", ".parquet")) else 1)
        for found in corpus.objects
    )
    updates = MAX_EPOCHS * size / BYTES_PER_TOKEN / spec.embeddings.batch_tokens
    return max(1, min(MAX_STEPS, math.ceil(updates)))
