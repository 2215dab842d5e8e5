"""A trained sentencepiece model as a `tokenizers.Tokenizer` with the same ids.

sentencepiece is trained on text that is normalised already and normalises nothing itself
(`identity`), so that there is one normaliser, and nothing to agree on.
"""

from typing import Any, cast

from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

_NORMAL = 1  # a piece of text; the others are the unknown token and bytes
_FAR = 100.0


def unigram_tokenizer(model: bytes, normalizer: normalizers.Normalizer) -> Tokenizer:
    """A `tokenizers.Tokenizer` (no special tokens yet) of a sentencepiece unigram model.

    Ids are sentencepiece's. To `tokenizers` a byte's piece is text as well, and a text may spell
    `<0x41>` out: such a piece gets a score with which no reading of a text takes it.

    Args:
        model: Trained on normalised text, with a dummy prefix and `identity`.
        normalizer: What normalised it.
    """
    # Protobuf makes the classes of its modules at run time.
    proto = cast(Any, sentencepiece_model_pb2).ModelProto.FromString(model)
    spec = proto.normalizer_spec
    assert proto.trainer_spec.model_type == 1 and not spec.precompiled_charsmap
    assert spec.add_dummy_prefix
    least = min(piece.score for piece in proto.pieces if piece.type == _NORMAL)
    by_bytes = proto.trainer_spec.byte_fallback
    tokenizer = Tokenizer(
        models.Unigram(
            [(p.piece, p.score if p.type == _NORMAL else _FAR * least) for p in proto.pieces],
            proto.trainer_spec.unk_id,
            by_bytes,
        )
    )
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(
        replacement="\u2581", prepend_scheme="always", split=True
    )
    words = decoders.Metaspace(replacement="\u2581", prepend_scheme="always")
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), words]) if by_bytes else words
    return tokenizer
