"""A base in a GGUF file as an ordinary checkpoint: config, tokenizer and weights, once per machine.

transformers reads the file and dequantises it; it does not write what it read so, which is done
here. Of how text is cut the file has only a name: one that is not known here is refused, for the
model would be fed other ids than it was trained on.
"""

import json
from collections.abc import Collection
from contextlib import redirect_stderr
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.integrations.gguf import gguf_tokenizer_mapping as tokenizers_of

from lingraft.cache import cache_dir, populate
from lingraft.errors import UserError
from lingraft.gguf import SUFFIX, header_of
from lingraft.gguf_settings import check_settings, settings_of
from lingraft.selection import GENERATION, WEIGHTS
from lingraft.stage import FileRecord
from lingraft.store.disk import hash_file
from lingraft_trainer.tokenization.load import FILE

FIELD = "spec.base.uri"
NEEDED = ("gguf", "accelerate")
"""What transformers' reader imports."""
WRITTEN = 3
"""Of what `convert` writes: raised when that changes, for a cache outlives a version."""
ENDS = ("eos", "eot", "eom")
"""Of a text, a turn and a message, by llama.cpp's names: a model stops at any of them."""
_GPT_2 = pre_tokenizers.ByteLevel(add_prefix_space=False)
_OWN: dict[str, Any] = {
    "smollm": pre_tokenizers.Sequence([pre_tokenizers.Digits(True), _GPT_2]),
    "gpt-2": _GPT_2,
    "olmo": _GPT_2,
}
"""Pre-tokenisers by llama.cpp's names, where transformers has none for the name."""

_LLAMA_3 = ("llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0")
_BEGINS = frozenset([*_LLAMA_3, "lfm2", "jina-v5-nano", "tekken"])
"""Pre-tokenisers with which a text begins with the BOS unless the file says otherwise.

As llama.cpp has it (`src/llama-vocab.cpp`, where it sets `add_bos`); SentencePiece always does.
"""


def converted(place: Path, fingerprint: str) -> Path:
    """The folder of a checkpoint made of a GGUF file.

    Args:
        place: The file, or a folder with it.
        fingerprint: Of the source: it is converted once.

    Raises:
        UserError: A package is not installed, or the file cannot be read.
    """
    if lacking := [name for name in NEEDED if find_spec(name) is None]:
        raise UserError(
            f"a {SUFFIX} base takes the package {lacking[0]}, which is not installed here: "
            "pip install 'lingraft[gguf]'",
            where=FIELD,
        )
    file = place if place.is_file() else next(place.glob(f"*{SUFFIX}"))

    def fill(folder: Path) -> tuple[FileRecord, ...]:
        folder.mkdir()
        try:
            convert(file, folder)
        except UserError:
            raise
        except Exception as error:  # of many kinds, by what transformers does not know
            reason = " ".join(str(error).split())[:300]
            raise UserError(f"{file.name} cannot be read: {reason}", where=FIELD) from error
        names = sorted(path.name for path in folder.iterdir())
        sizes = {name: hash_file(folder / name) for name in names}
        return tuple(
            FileRecord(path=name, size=size, sha256=sha256)
            for name, (size, sha256) in sizes.items()
        )

    return populate(cache_dir() / "gguf" / f"{fingerprint}-{WRITTEN}", fill)


def convert(file: Path, out: Path) -> None:
    """Write the checkpoint of a GGUF file, its weights in fp32.

    Raises:
        UserError: Its pre-tokeniser is not known, or a tensor of it or of the model has no match.
    """
    _tokenizer(file).save_pretrained(out)
    settled = _config(file)
    # Its reader draws a progress bar whatever transformers is told: lines without end in a log.
    with redirect_stderr(StringIO()):
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            file.parent,
            gguf_file=file.name,
            config=settled,
            dtype=torch.float32,
            output_loading_info=True,
        )
    model, info = loaded
    config: dict[str, Any] = model.config.to_dict() | {"architectures": [type(model).__name__]}
    for name in ("quantization_config", "_name_or_path", "_model_name_or_path"):
        config.pop(name, None)
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    _write_generation(file, config, out)
    tied = set(model.all_tied_weights_keys)
    tensors = {
        name: tensor.contiguous() for name, tensor in model.state_dict().items() if name not in tied
    }
    _check_whole(file, len(tensors), info["missing_keys"])
    save_file(tensors, out / WEIGHTS, metadata={"format": "pt"})
    assert (out / FILE).is_file()


def _tokenizer(file: Path) -> Any:
    """The tokenizer that transformers makes of a file, of the file's tokens alone."""
    _, settings, said = tokenizers_of.get_gguf_tokenizer(str(file))
    by_name = settings.get("tokenizer_type") == "gpt2"  # and not SentencePiece, which has none
    name = str(settings.get("pre_tokenizer_type"))
    begins: dict[str, Any] = {}
    if by_name and said.get("add_bos_token") is None and said.get("bos_token") is not None:
        begins["add_bos_token"] = name in _BEGINS
    tokenizer: Any = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name, **begins)
    if by_name and name in _OWN:
        tokenizer.backend_tokenizer.pre_tokenizer = _OWN[name]
    elif by_name and name not in tokenizers_of.GGUF_PRE_TOKENIZER_SPLITS:
        raise UserError(
            f"{file.name} was made with the pre-tokeniser {name}, which is not known here: "
            "give the checkpoint that it was made of",
            where=FIELD,
        )
    rows = len(settings["tokens"])
    if len(tokenizer) > rows:  # of the class that the reader builds on, such as <|endoftext|>
        state = json.loads(tokenizer.backend_tokenizer.to_str())
        state["added_tokens"] = [one for one in state["added_tokens"] if one["id"] < rows]
        tokenizer._tokenizer = Tokenizer.from_str(json.dumps(state))
    return tokenizer


def _config(file: Path) -> Any:
    """The config that transformers makes of a file, with what its reader drops of the header."""
    with file.open("rb") as stream:
        header, _ = header_of(stream, where=FIELD)
    architecture = str(header["general.architecture"])
    check_settings(header, architecture, where=FIELD)
    config: Any = AutoConfig.from_pretrained(file.parent, gguf_file=file.name)
    for name, value in settings_of(header, architecture).items():
        if name in ("rope_theta", "partial_rotary_factor"):
            rotations: Any = config.rope_parameters
            rotations.get("full_attention", rotations)[name] = value
        elif name == "head_dim" or hasattr(config, name):
            setattr(config, name, value)
    return config


def _write_generation(file: Path, config: dict[str, Any], out: Path) -> None:
    """Write generation_config.json where a model stops at more than its eos."""
    from gguf import GGUFReader  # of an extra

    fields = GGUFReader(file).fields
    keys = [f"tokenizer.ggml.{name}_token_id" for name in ENDS]
    ends = list(dict.fromkeys(int(fields[key].contents()) for key in keys if key in fields))
    if len(ends) < 2:
        return
    roles = {name: config.get(name) for name in ("bos_token_id", "pad_token_id")}
    said = {name: one for name, one in roles.items() if one is not None} | {"eos_token_id": ends}
    (out / GENERATION).write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")


def _check_whole(file: Path, read: int, lacking: Collection[str]) -> None:
    """Refuse a file whose tensors are not the model's: transformers draws some, and drops others.

    Left out are scaled positions (`rope_freqs` of Llama 3.1 on), biases and experts, without a
    word.
    """
    from gguf import GGUFReader  # of an extra

    held = len(GGUFReader(file).tensors)
    if lacking or held != read:
        what = f"lacks {min(lacking)}" if lacking else f"holds {held} tensors, of which {read} fit"
        raise UserError(
            f"{file.name} {what}: give the checkpoint that it was made of, for what does not fit "
            "would be left out",
            where=FIELD,
        )
