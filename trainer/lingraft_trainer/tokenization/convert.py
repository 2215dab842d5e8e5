"""A trained sentencepiece model as a `tokenizers.Tokenizer` with the same ids.

sentencepiece is trained on text that is normalised already and normalises nothing itself
(`identity`), so that there is one normaliser, and nothing to agree on.
"""

from collections.abc import Sequence
from typing import Any, cast

from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

_FAR = 100.0


def unigram_tokenizer(
    model: bytes, normalizer: normalizers.Normalizer, fallback: Sequence[int] = ()
) -> Tokenizer:
    """A `tokenizers.Tokenizer` (no special tokens yet) of a sentencepiece unigram model.

    Args:
        model: Trained on normalised text, with a dummy prefix and `identity`.
        normalizer: What normalised it.
        fallback: Bytes that are pieces behind the unknown token, the first one; unknown characters
            are written with them. sentencepiece's own has all 256. The other ids are
            sentencepiece's, behind those.
    """
    # Protobuf makes the classes of its modules at run time.
    proto = cast(Any, sentencepiece_model_pb2).ModelProto.FromString(model)
    spec = proto.normalizer_spec
    assert proto.trainer_spec.model_type == 1 and proto.trainer_spec.unk_id == 0
    assert spec.add_dummy_prefix and not spec.precompiled_charsmap
    unknown, *pieces = [(piece.piece, piece.score) for piece in proto.pieces]
    # To `tokenizers` a byte's piece is text too, and a text may spell `<0xE3>` out: a score with
    # which no reading of a text takes it.
    far = _FAR * min(score for _, score in pieces)
    in_bytes = [(f"<0x{byte:02X}>", far) for byte in fallback]
    tokenizer = Tokenizer(models.Unigram([unknown, *in_bytes, *pieces], 0, bool(fallback)))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(
        replacement="\u2581", prepend_scheme="always", split=True
    )
    words = decoders.Metaspace(replacement="\u2581", prepend_scheme="always")
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), words]) if fallback else words
    return tokenizer
