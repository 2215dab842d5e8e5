"""GPT-2's and RoBERTa's two files, vocab.json and merges.txt, as byte-level BPE."""

import json
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from lingraft.errors import UserError


def byte_level_bpe(folder: Path, *, where: str) -> Tokenizer:
    """The tokenizer of a folder with the two files; entries like `<s>` are its special tokens.

    Raises:
        UserError: The files cannot be read, or are not of byte-level BPE.
    """
    files = str(folder / "vocab.json"), str(folder / "merges.txt")
    try:
        vocabulary = json.loads(Path(files[0]).read_text(encoding="utf-8"))
        model = models.BPE.from_file(*files)
    except Exception as error:  # the library raises nothing more precise
        raise UserError(f"vocab.json, merges.txt: cannot be read: {error}", where=where) from error
    missing = set(pre_tokenizers.ByteLevel.alphabet()) - set(vocabulary)
    if missing:
        raise UserError(
            f"vocab.json lacks {len(missing)} of the 256 bytes, so it is not of byte-level BPE: "
            "give the tokenizer.json that was used",
            where=where,
        )
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = [t for t in vocabulary if len(t) > 2 and t[0] == "<" and t[-1] == ">"]
    tokenizer.add_special_tokens(special)
    return tokenizer
