"""A trained sentencepiece model as a `tokenizers.Tokenizer` with the same ids.

The usual conversion (transformers' SpmConverter) differs from sentencepiece on rare text:
* `Precompiled` looks a grapheme up by its *shortest* prefix in the character map and drops
  the rest (fullwidth A with an accent loses the accent) and skips graphemes of six bytes or
  more. Composing first (NFKC) leaves single characters, which it maps rightly. The one
  character that NFKC maps and nmt_nfkc keeps is U+FF5E: it is put aside meanwhile.
  Left different on purpose: a compatibility character followed by a combining mark, such as
  the ligature fi with an acute, and marks that are not in canonical order: sentencepiece
  leaves both half composed.
* `Strip` takes off every Unicode white space, sentencepiece only U+0020.
"""

from typing import Any, cast

from sentencepiece import sentencepiece_model_pb2
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

_TILDE, _ASIDE = "\uff5e", "\U0010fffd"  # the last private-use character stands in


def unigram_tokenizer(model: bytes) -> Tokenizer:
    """A `tokenizers.Tokenizer` (no special tokens yet) of a sentencepiece unigram model.

    Ids are sentencepiece's. Expects nmt_nfkc, a dummy prefix, whitespace collapsed.
    """
    # Protobuf makes the classes of its modules at run time.
    proto = cast(Any, sentencepiece_model_pb2).ModelProto.FromString(model)
    spec = proto.normalizer_spec
    assert proto.trainer_spec.model_type == 1 and not proto.trainer_spec.byte_fallback
    assert spec.add_dummy_prefix and spec.remove_extra_whitespaces
    tokenizer = Tokenizer(
        models.Unigram(
            [(piece.piece, piece.score) for piece in proto.pieces],
            proto.trainer_spec.unk_id,
            False,
        )
    )
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(_TILDE, _ASIDE),
            normalizers.NFKC(),
            normalizers.Replace(_ASIDE, _TILDE),
            # What still maps to a space and may carry a combining mark.
            normalizers.Replace(Regex("[\u1680\u2581\ufffd]"), " "),
            normalizers.Precompiled(spec.precompiled_charsmap),
            normalizers.Replace(Regex("^ +| +$"), ""),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(
        replacement="\u2581", prepend_scheme="always", split=True
    )
    tokenizer.decoder = decoders.Metaspace(replacement="\u2581", prepend_scheme="always")
    return tokenizer
