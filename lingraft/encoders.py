"""Sentence encoders: what sentence-transformers keeps beside a checkpoint, and what is known of it.

`modules.json` lists what runs in turn: the transformer, whose files lie at the top, then modules
in folders of their own. Those that are known here work on states alone, whatever the vocabulary:
they stay as they are under new embeddings. Any other is refused, for nobody could say so of it.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from lingraft.encoder_names import FOLDER, FORMER, MODULES, SAVE_AGAIN, SETTINGS, TRANSFORMER
from lingraft.errors import UserError

TOKENIZER_SETTINGS = ("tokenizer_args", "processor_kwargs")
"""Settings of the transformer module that hold its tokenizer's, then and now."""
KINDS = ("Pooling", "Dense", "LayerNorm", "Normalize", "Dropout")
WEIGHTED = ("Dense", "LayerNorm")
SETTLED = ("Pooling", *WEIGHTED)
"""Which cannot be without settings."""
POOLINGS = {
    "cls": "pooling_mode_cls_token",
    "max": "pooling_mode_max_tokens",
    "mean": "pooling_mode_mean_tokens",
    "mean_sqrt_len_tokens": "pooling_mode_mean_sqrt_len_tokens",
    "weightedmean": "pooling_mode_weightedmean_tokens",
    "lasttoken": "pooling_mode_lasttoken",
}
"""Ways of pooling, in the order in which several stand in one vector, and their settings of old."""
ACTIVATIONS = ("Identity", "Tanh", "ReLU", "GELU", "SiLU", "Sigmoid")
"""Of `torch.nn`, which a Dense module may have."""
_ALONE = f"delete {MODULES} to adapt its transformer alone"
_LAST_STATES = {"method": "forward", "method_output_name": "last_hidden_state"}
_FIELD = "spec.base.uri"


@dataclass(frozen=True)
class Module:
    """One module behind the transformer: its kind, its folder and its settings."""

    kind: str
    path: str = ""
    config: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def poolings(self) -> tuple[str, ...]:
        """The ways in which it pools, by their names of today."""
        given = self.config.get("pooling_mode")
        if given is not None:
            several = cast(list[Any], given) if isinstance(given, list) else [given]
            return tuple(str(one) for one in several)
        return tuple(one for one in POOLINGS if self.config.get(POOLINGS[one])) or ("mean",)

    @property
    def activation(self) -> str:
        """The name in `torch.nn` of a Dense module's activation."""
        return str(self.config.get("activation_function", "torch.nn.Tanh")).rpartition(".")[2]


@dataclass(frozen=True)
class Encoder:
    """What sentence-transformers does with a body; by default it pools the mean.

    Attributes:
        modules: Behind the transformer, in turn.
        settings: The encoder's own.
        transformer: The transformer module's.
    """

    modules: tuple[Module, ...] = (Module("Pooling"),)
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    transformer: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def max_length(self) -> int | None:
        """Tokens of a text that are read, special ones among them; None: as the tokenizer says."""
        said = [self.transformer.get("max_seq_length")]
        for name in TOKENIZER_SETTINGS:
            said.append(_inside(self.transformer, name).get("model_max_length"))
        return min((one for one in said if isinstance(one, int) and one > 0), default=None)

    @property
    def lower_case(self) -> bool:
        """Whether text is lowered before its tokenizer reads it."""
        return bool(self.transformer.get("do_lower_case"))

    @property
    def prompt(self) -> str:
        """What is put before every text unless its reader says otherwise."""
        name = str(self.settings.get("default_prompt_name"))
        return str(_inside(self.settings, "prompts").get(name) or "")


def read_encoder(read: Callable[[str], bytes | None], *, where: str = _FIELD) -> Encoder | None:
    """The sentence encoder of a checkpoint; None where it is none.

    Args:
        read: Gives the content of a file by its path below the checkpoint, None without it.
        where: The field that names the checkpoint, for errors.

    Raises:
        UserError: A module that is not known, or a file that cannot be read.
    """
    listed = _json_of(read, MODULES, where)
    if listed is None:
        return None
    found = cast(list[Any], listed) if isinstance(listed, list) else []
    if not found or not all(isinstance(one, dict) for one in found):
        raise UserError(f"{MODULES} lists no modules: {SAVE_AGAIN}", where=where)
    first, *others = (_placed(one, where) for one in cast(list[dict[str, Any]], found))
    if first.kind != "Transformer" or first.path:
        place = f" in {first.path}" if first.path else ""
        raise UserError(
            f"{MODULES} begins with {first.kind}{place}, not with a Transformer whose files lie at "
            f"the top: {SAVE_AGAIN}, or {_ALONE}",
            where=where,
        )
    modules = tuple(_configured(one, read, where) for one in others)
    if not any(one.kind == "Pooling" for one in modules):
        raise UserError(f"{MODULES} has no Pooling: {_ALONE}", where=where)
    names = (one for one in (TRANSFORMER, *FORMER) if read(one) is not None)
    transformer = _object_of(read, next(names, TRANSFORMER), where)
    _check_transformer(transformer, where)
    return Encoder(modules, _object_of(read, SETTINGS, where), transformer)


def _placed(module: dict[str, Any], where: str) -> Module:
    kind, path = str(module.get("type", "")), module.get("path")
    if not kind.startswith("sentence_transformers."):
        raise UserError(
            f"{MODULES} names {kind or 'no type'}, which is code of its own and is never run: "
            f"{_ALONE}",
            where=where,
        )
    return Module(kind.rpartition(".")[2], str(path or ""))


def _configured(module: Module, read: Callable[[str], bytes | None], where: str) -> Module:
    """A module behind the transformer with its settings, judged."""
    if module.kind not in KINDS:
        raise UserError(
            f"{MODULES} has a {module.kind}, which may depend on the vocabulary; "
            f"{', '.join(KINDS)} are supported behind the transformer: {_ALONE}",
            where=where,
        )
    if FOLDER.fullmatch(module.path) is None:
        raise UserError(
            f"{MODULES} has its {module.kind} in {module.path!r}, which is no folder as "
            f"1_{module.kind} is: {SAVE_AGAIN}",
            where=where,
        )
    file = f"{module.path}/config.json"
    if module.kind in SETTLED and read(file) is None:
        raise UserError(
            f"{MODULES} names {module.path}, but {file} is not there: give the whole sentence "
            "encoder",
            where=where,
        )
    found = Module(module.kind, module.path, _object_of(read, file, where))
    known = {"sentence_embedding", "token_embeddings"}
    for name in ("module_input_name", "module_output_name"):
        if (said := found.config.get(name) or "sentence_embedding") not in known:
            message = f"{file} has {name} {said!r}, which no module before it makes: {_ALONE}"
            raise UserError(message, where=where)
    if found.kind == "Pooling" and (odd := set(found.poolings) - set(POOLINGS)):
        message = f"{file} pools by {min(odd)}; {', '.join(POOLINGS)} are supported: {_ALONE}"
        raise UserError(message, where=where)
    if found.kind == "Dense" and found.activation not in ACTIVATIONS:
        raise UserError(
            f"{file} has the activation {found.activation}; {', '.join(ACTIVATIONS)} are "
            f"supported: {_ALONE}",
            where=where,
        )
    return found


def _check_transformer(config: Mapping[str, Any], where: str) -> None:
    """Refuse vectors that are not made of the last layer's states."""
    task = config.get("transformer_task", "feature-extraction")
    text = _inside(config, "modality_config").get("text", _LAST_STATES)
    output = config.get("module_output_name") or "token_embeddings"
    if (task, text, output) != ("feature-extraction", _LAST_STATES, "token_embeddings"):
        raise UserError(
            f"{TRANSFORMER} makes its vectors of something else than the last layer's states: "
            f"{_ALONE}",
            where=where,
        )


def _inside(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A setting's own settings; none where it has none."""
    found = config.get(name)
    return cast(dict[str, Any], found) if isinstance(found, dict) else {}


def _object_of(read: Callable[[str], bytes | None], name: str, where: str) -> Mapping[str, Any]:
    found = _json_of(read, name, where)
    if found is not None and not isinstance(found, dict):
        raise UserError(f"{name} holds no JSON object", where=where)
    return cast(dict[str, Any], found or {})


def _json_of(read: Callable[[str], bytes | None], name: str, where: str) -> Any:
    content = read(name)
    if content is None:
        return None
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{name} is not JSON: {error}", where=where) from error
