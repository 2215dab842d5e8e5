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
from tokenizers import pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.integrations.gguf import gguf_tokenizer_mapping as tokenizers_of

from lingraft.cache import cache_dir, populate
from lingraft.errors import UserError
from lingraft.gguf import SUFFIX
from lingraft.selection import WEIGHTS
from lingraft.stage import FileRecord
from lingraft.store.disk import hash_file
from lingraft_trainer.tokenization.load import FILE

FIELD = "spec.base.uri"
NEEDED = ("gguf", "accelerate")
"""What transformers' reader imports."""
_GPT_2 = pre_tokenizers.ByteLevel(add_prefix_space=False)
_OWN: dict[str, Any] = {
    "smollm": pre_tokenizers.Sequence([pre_tokenizers.Digits(True), _GPT_2]),
    "gpt-2": _GPT_2,
    "olmo": _GPT_2,
}
"""Pre-tokenisers by llama.cpp's names, where transformers has none for the name."""


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

    return populate(cache_dir() / "gguf" / fingerprint, fill)


def convert(file: Path, out: Path) -> None:
    """Write the checkpoint of a GGUF file, its weights in fp32.

    Raises:
        UserError: Its pre-tokeniser is not known, or a tensor of it or of the model has no match.
    """
    _, settings, _ = tokenizers_of.get_gguf_tokenizer(str(file))
    tokenizer: Any = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    if settings.get("tokenizer_type") == "gpt2":
        name = str(settings.get("pre_tokenizer_type"))
        if name in _OWN:
            tokenizer.backend_tokenizer.pre_tokenizer = _OWN[name]
        elif name not in tokenizers_of.GGUF_PRE_TOKENIZER_SPLITS:
            raise UserError(
                f"{file.name} was made with the pre-tokeniser {name}, which is not known here: "
                "give the checkpoint that it was made of",
                where=FIELD,
            )
    tokenizer.save_pretrained(out)
    # Its reader draws a progress bar whatever transformers is told: lines without end in a log.
    with redirect_stderr(StringIO()):
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            file.parent, gguf_file=file.name, dtype=torch.float32, output_loading_info=True
        )
    model, info = loaded
    config: dict[str, Any] = model.config.to_dict() | {"architectures": [type(model).__name__]}
    for name in ("quantization_config", "_name_or_path", "_model_name_or_path"):
        config.pop(name, None)
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    tied = set(model.all_tied_weights_keys)
    tensors = {
        name: tensor.contiguous() for name, tensor in model.state_dict().items() if name not in tied
    }
    _check_whole(file, len(tensors), info["missing_keys"])
    save_file(tensors, out / WEIGHTS, metadata={"format": "pt"})
    assert (out / FILE).is_file()


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
